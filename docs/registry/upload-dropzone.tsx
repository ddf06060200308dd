'use client';

import type { ReactNode } from 'react';
import type { UploadQueue } from 'signpost/queue';
import { useDropZone } from 'signpost/react';
import { UploadButton } from './upload-button';

type UploadDropzoneProps = {
  queue: UploadQueue;
  accept?: string;
  multiple?: boolean;
  /** What is said above the button. Default: an invitation to drop files. */
  children?: ReactNode;
  className?: string;
};

const LOOKS = [
  'flex flex-col items-center gap-3 rounded-lg border-2 border-dashed border-input p-8 text-center',
  'data-[over=true]:border-primary data-[over=true]:bg-accent',
].join(' ');

/** Takes files and folders that are dropped or pasted, and has a button for those who do not drop. */
export function UploadDropzone({ queue, accept, multiple, children, className }: UploadDropzoneProps) {
  const { ref, isOver } = useDropZone(queue.add);
  return (
    <section ref={ref} aria-label="Add files" data-over={isOver} className={`${LOOKS} ${className ?? ''}`}>
      {children ?? <p className="text-sm text-muted-foreground">Drop files or folders here</p>}
      <UploadButton queue={queue} accept={accept} multiple={multiple}>
        Choose files
      </UploadButton>
    </section>
  );
}
