'use client';

import { type ComponentProps, useRef } from 'react';
import type { UploadQueue } from 'signpost/queue';
import { useUploads } from 'signpost/react';

type UploadButtonProps = Omit<ComponentProps<'button'>, 'onClick' | 'type'> & {
  /** Made by `createUploadQueue`, outside of the component. */
  queue: UploadQueue;
  /** As of `<input type="file">`: `image/*,.pdf`. */
  accept?: string;
  multiple?: boolean;
};

const LOOKS = [
  'inline-flex h-10 items-center justify-center gap-2 rounded-md bg-primary px-4 text-sm font-medium',
  'text-primary-foreground hover:bg-primary/90 disabled:opacity-50',
].join(' ');

/** Opens the file picker, and says how far the uploads are. */
export function UploadButton({ queue, accept, multiple = true, children, className, ...props }: UploadButtonProps) {
  const { totals, add } = useUploads(queue);
  const input = useRef<HTMLInputElement>(null);
  const isBusy = totals.waiting + totals.running > 0;
  const percent = totals.totalBytes === 0 ? 0 : Math.floor((100 * totals.sentBytes) / totals.totalBytes);
  return (
    <>
      <button type="button" onClick={() => input.current?.click()} className={`${LOOKS} ${className ?? ''}`} {...props}>
        {children ?? 'Upload'}
        {isBusy && <span className="tabular-nums">{percent}%</span>}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={multiple}
        onChange={({ target }) => {
          void add([...(target.files ?? [])]);
          target.value = '';
        }}
      />
    </>
  );
}
