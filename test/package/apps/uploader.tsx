'use client';

import { createSignpost } from 'signpost/client';
import { useUpload } from 'signpost/react';

const signpost = createSignpost({ url: '/uploads', token: 'ada' });

/** What both pages show: a file input, and how its upload goes. */
export function Uploader({ recordId }: { recordId: string | undefined }) {
  const { upload, status, progress, error, file } = useUpload(signpost);
  return (
    <main>
      <input
        type="file"
        onChange={({ target }) => {
          for (const chosen of target.files ?? []) upload(chosen, { recordId });
        }}
      />
      <p>{progress.sentBytes} bytes</p>
      <output>{file === null ? `${status} ${error ?? ''}` : `${file.fileId} ${file.status}`}</output>
    </main>
  );
}
