'use client';

import { useEffect, useRef, useState } from 'react';
import type { Signpost, StoredFile, UploadOptions } from 'signpost/client';
import { useUpload } from 'signpost/react';

type AvatarUploadProps = {
  /** Made by `createSignpost`, outside of the component. */
  signpost: Signpost;
  /** The picture that the user has now. */
  src?: string;
  /** Whose picture it is. */
  name: string;
  options?: UploadOptions;
  /** Called with the confirmed file: keep its `fileId` with the user. */
  onUploaded?: (file: StoredFile) => void;
  className?: string;
};

/** A round picture that is also the button to replace it. The new one is shown dimmed until it is stored. */
export function AvatarUpload({ signpost, src, name, options, onUploaded, className }: AvatarUploadProps) {
  const { upload, status, progress, error } = useUpload(signpost);
  const [chosen, setChosen] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => () => void (chosen !== null && URL.revokeObjectURL(chosen)), [chosen]);

  const replace = (file: File) => {
    const url = URL.createObjectURL(file);
    setChosen(url);
    // Another choice has aborted this one, and is shown by then.
    upload(file, options).then(onUploaded, () => setChosen((shown) => (shown === url ? null : shown)));
  };
  const shown = chosen ?? src;
  const percent = progress.totalBytes === 0 ? 0 : Math.floor((100 * progress.sentBytes) / progress.totalBytes);
  const isBusy = status === 'uploading';
  return (
    <div className={`inline-grid justify-items-center gap-2 ${className ?? ''}`}>
      <button
        type="button"
        aria-label={`Change the picture of ${name}`}
        onClick={() => input.current?.click()}
        className="relative size-24 overflow-hidden rounded-full bg-muted text-2xl font-medium text-muted-foreground"
      >
        {shown === undefined ? (
          name.slice(0, 1).toUpperCase()
        ) : (
          <img src={shown} alt="" className={`size-full object-cover ${isBusy ? 'opacity-50' : ''}`} />
        )}
      </button>
      <p role="status" className="text-xs tabular-nums text-muted-foreground">
        {isBusy && `${percent}% uploaded`}
        {status === 'done' && 'The picture is stored.'}
      </p>
      {status === 'failed' && (
        <p role="alert" className="text-xs text-destructive">
          {error instanceof Error ? error.message : 'It could not be uploaded.'}
        </p>
      )}
      <input
        ref={input}
        type="file"
        hidden
        accept="image/*"
        onChange={({ target }) => {
          const [file] = target.files ?? [];
          if (file !== undefined) replace(file);
          target.value = '';
        }}
      />
    </div>
  );
}
