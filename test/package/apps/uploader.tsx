'use client';

import { useEffect, useRef } from 'react';
import { createSignpost } from 'signpost/client';
import type { SignpostUploader } from 'signpost/element';
import 'signpost/element';
import { withKeys } from 'signpost/encryption';
import { useUpload } from 'signpost/react';

const signpost = createSignpost({ url: '/uploads', token: 'ada' });
const encryption = withKeys([{ id: 'k1', key: new Uint8Array(32) }]);

/** What both pages show: a file input, and how its upload goes. */
export function Uploader({ recordId }: { recordId: string | undefined }) {
  const { upload, status, progress, error, file } = useUpload(signpost);
  return (
    <main>
      <input
        type="file"
        onChange={({ target }) => {
          for (const chosen of target.files ?? []) {
            upload(chosen, { recordId, encryption: chosen.name.endsWith('.secret') ? encryption : null });
          }
        }}
      />
      <p>{progress.sentBytes} bytes</p>
      <output>{file === null ? `${status} ${error ?? ''}` : `${file.fileId} ${file.status}`}</output>
    </main>
  );
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'signpost-uploader': DetailedHTMLProps<HTMLAttributes<SignpostUploader>, SignpostUploader> & { endpoint: string };
    }
  }
}

/** The element beside it: on a server, importing it does nothing. */
export function Element() {
  const uploader = useRef<SignpostUploader>(null);
  useEffect(() => {
    if (uploader.current !== null) uploader.current.token = 'ada';
  }, []);
  return <signpost-uploader ref={uploader} endpoint="/uploads" />;
}
