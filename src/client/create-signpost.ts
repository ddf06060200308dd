import { createCallService } from './call-service.ts';
import { createLimit } from './limit.ts';
import { sleep as realSleep } from './retry.ts';
import { startUpload, type UploadSession } from './start-upload.ts';
import type { Progress, StoredFile, Upload, UploadOptions } from './upload.ts';
import { createUploadMemory, pageStorage } from './upload-memory.ts';

export { SignpostError } from './signpost-error.ts';
export type { Progress, StoredFile, Upload, UploadOptions };

export type SignpostOptions = {
  /** Where the service is: `https://uploads.example.com`. */
  url: string;
  /** The bearer token, or what gives it: asked before every request, so that it may be renewed during a long upload. */
  token: string | (() => string | Promise<string>);
  /** For requests to the service, and to the bucket where there is no `XMLHttpRequest`. Default: the global one. */
  fetch?: typeof fetch;
  /** Parts of one file on their way at once. Default 4. */
  parallelParts?: number;
  /** Files on their way at once, over all uploads of this instance; the others wait their turn. Default 3. */
  parallelFiles?: number;
  /** Tries of each request in all, with exponential backoff between them. Default 8: within a minute. */
  maxAttempts?: number;
  /**
   * How long a request to the bucket may go on without a byte sent, in milliseconds, before it is tried again: networks
   * vanish without a word. Only with `XMLHttpRequest`. Default 60,000.
   */
  stallTimeoutMs?: number;
  /** Where unfinished uploads by parts are remembered over page reloads. Default `localStorage`; null: nowhere. */
  storage?: Storage | null;
  /** For tests: milliseconds since the epoch, a number in [0, 1), a pause that an aborted signal ends early. */
  now?: () => number;
  random?: () => number;
  sleep?: (delayMs: number, signal: AbortSignal) => Promise<void>;
};

export type Signpost = {
  /**
   * Uploads one file straight to the bucket and confirms it: in one piece or in parts, as the service decides.
   * Whatever may be tried again is: lost connections, 408, 409, 425, 429 (not before `Retry-After`), 5xx, expired URLs.
   * An upload by parts that a page reload or a failure cut short goes on where it was when the same file is uploaded
   * with the same options within 7 days.
   */
  upload: (file: File | Blob, options?: UploadOptions) => Upload;
  /**
   * Uploads many files. One failure does not stop the others: the results are those of `Promise.allSettled`, in the
   * order of the files. `onProgress` tells of all files together, `signal` aborts them all.
   */
  uploadAll: (
    files: Iterable<File | Blob>,
    options?: Omit<UploadOptions, 'fileName'>,
  ) => Promise<PromiseSettledResult<StoredFile>[]>;
};

/**
 * The client of one Signpost service.
 *
 * ```ts
 * const signpost = createSignpost({ url: 'https://uploads.example.com', token: () => session.token() });
 * const upload = signpost.upload(input.files[0], { recordId: 'case-42', onProgress: ({ sentBytes }) => … });
 * cancelButton.onclick = () => upload.abort();
 * const { fileId } = await upload;
 * ```
 */
export function createSignpost(options: SignpostOptions): Signpost {
  const { url, token, storage = pageStorage() } = options;
  const given = options.fetch ?? globalThis.fetch;
  // Called as a function, never as a method of ours: browsers' own `fetch` refuses any other `this` than their global.
  const fetch: typeof globalThis.fetch = (input, init) => given(input, init);
  const { parallelParts = 4, parallelFiles = 3, maxAttempts = 8, stallTimeoutMs = 60_000 } = options;
  const { now = Date.now, random = Math.random, sleep = realSleep } = options;
  const session: UploadSession = {
    ...{ fetch, parallelParts, maxAttempts, stallTimeoutMs, now, random, sleep },
    call: createCallService({ url, token, fetch }),
    memory: createUploadMemory(storage, now),
    active: new Set(),
    limit: createLimit(parallelFiles),
  };
  const upload: Signpost['upload'] = (file, uploadOptions = {}) => startUpload(session, file, uploadOptions);
  return {
    upload,
    uploadAll: (files, { onProgress, ...uploadOptions } = {}) => {
      const all = [...files];
      const totalBytes = all.reduce((sum, file) => sum + file.size, 0);
      const sent = all.map(() => 0);
      return Promise.allSettled(
        all.map((file, index) =>
          upload(file, {
            ...uploadOptions,
            ...(onProgress && {
              onProgress: ({ sentBytes }) => {
                sent[index] = sentBytes;
                onProgress({ sentBytes: sent.reduce((sum, each) => sum + each, 0), totalBytes });
              },
            }),
          }),
        ),
      );
    },
  };
}
