import type { AppTypes } from './app-types.ts';
import type { FileEncryption } from './file-encryption.ts';
import type { Progress } from './progress.ts';
import type { Remembered, StoredFile } from './stored-file.ts';
import type { UploadState } from './upload-state.ts';

export type UploadOptions<App extends AppTypes = AppTypes> = Remembered<App> & {
  /**
   * Default: the file's own name; `file` for a nameless `Blob`. Control characters are removed, and a name of more than
   * 255 bytes of UTF-8 is shortened, keeping the extension.
   */
  fileName?: string | undefined;
  /** Default: the file's own type, or `application/octet-stream`. */
  contentType?: string | undefined;
  /**
   * Send SHA-256 checksums, so that the bucket verifies what arrives: a file sent in one piece is hashed first,
   * otherwise each part before it is sent. Default false.
   */
  checksum?: boolean | undefined;
  /**
   * Encrypts the file before it is sent: `withKeys` or `withPassword` of `signpost/encryption`; null: not. Default:
   * that of `createSignpost`.
   */
  encryption?: FileEncryption | null | undefined;
  /**
   * Of an earlier upload of the same file that was `confirming`, and whose outcome is unknown. If it arrived, it is
   * confirmed now, and nothing is sent.
   */
  objectKey?: string | undefined;
  /** Decreases when bytes must be sent again. Without `XMLHttpRequest` and Node, called only after each part. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Called with each new state, except the first one, `waiting`. */
  onState?: ((state: UploadState<App>) => void) | undefined;
  /** Aborting it has the effect of `abort()`; the upload rejects with its reason. */
  signal?: AbortSignal | undefined;
};

/**
 * A running upload: a promise of the stored file, with methods to control it. It rejects with a `SignpostError`, or,
 * when aborted, with the signal's reason (by default an `AbortError`). The rejection need not be caught: `state` has
 * the error, too.
 */
export type Upload<App extends AppTypes = AppTypes> = Promise<StoredFile<App>> & {
  /** What it is doing at the moment; `onState` is called with each change. */
  readonly state: UploadState<App>;
  /** Stops sending. Uploaded parts are kept; a file sent in one piece starts again. */
  pause: () => void;
  resume: () => void;
  /**
   * Aborts the upload, and asks the service to remove what has arrived. Resolves when that is done or has failed (then
   * the service's sweeper removes it); the upload itself rejects at once. No effect on a finished upload.
   */
  abort: () => Promise<void>;
};
