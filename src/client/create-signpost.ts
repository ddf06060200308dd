import type { AppTypes } from './app-types.ts';
import { askLimits, type LimitsOptions } from './ask-limits.ts';
import { createCallService, type ServiceOptions } from './call-service.ts';
import type { FileEncryption } from './file-encryption.ts';
import { createLimit, type Limit } from './limit.ts';
import type { Progress } from './progress.ts';
import { sleep as realSleep } from './retry.ts';
import type { UploadSession } from './run-upload.ts';
import { sha256 } from './sha256.ts';
import { startUpload } from './start-upload.ts';
import type { Limits, StoredFile } from './stored-file.ts';
import type { Upload, UploadOptions } from './upload.ts';
import type { UploadState } from './upload-state.ts';

export {
  createFiles,
  type DownloadOptions,
  type DownloadUrl,
  type Files,
  type FilesOptions,
} from './create-files.ts';
export type { ClientCode, ErrorCode, ServiceCode } from './error-code.ts';
export { SignpostError } from './signpost-error.ts';
export type {
  FileChange,
  FileEvent,
  FilePage,
  FileQuery,
  Limits,
  StoredFile,
  UrlOptions,
  Usage,
} from './stored-file.ts';
export type { AppTypes, LimitsOptions, Progress, Upload, UploadOptions, UploadState };

export type SignpostOptions = {
  /** The service's base URL: `https://uploads.example.com`. */
  url: string;
  /**
   * The bearer token, or a function that returns it. Called before every request, so a token can be renewed. What it
   * throws fails the upload, but while the browser is offline it is waited out. Without a token the page's own cookies
   * say who asks: for a service mounted in the app, on the same origin.
   */
  token?: ServiceOptions['token'];
  /**
   * Called when the service refuses the token: renew the session here. Then `token` is asked again, and the request is
   * sent once more. A second refusal is final.
   */
  onUnauthorized?: ServiceOptions['onUnauthorized'];
  /** For requests to the service, and to the bucket where there is no `XMLHttpRequest`. Default: the global one. */
  fetch?: typeof fetch | undefined;
  /** How many parts of one file to send at once. Default: as many as 16 MiB hold, the most that a pause loses. */
  parallelParts?: number | undefined;
  /** How many files to send at once, over all uploads of this instance; the others wait. Default 3. */
  parallelFiles?: number | undefined;
  /**
   * Total attempts of each request, with exponential backoff between them. Default 8: within a minute. If the server
   * has answered before, a lost connection is waited out instead: `giveUpAfterMs`.
   */
  maxAttempts?: number | undefined;
  /**
   * How long a lost connection is waited out. The next attempt is made at once when the browser says that it is online
   * again. 0: `maxAttempts` decides. Default 24 hours for a file in parts, an hour for others.
   */
  giveUpAfterMs?: number | undefined;
  /**
   * A request to the bucket is retried after this many milliseconds without a byte sent, since connections may be lost
   * without an error (only with `XMLHttpRequest`); one to the service after five times as many without an answer.
   * 1 to 400,000,000, since a timer takes no more; default 60,000.
   */
  stallTimeoutMs?: number | undefined;
  /**
   * Where unfinished uploads by parts are remembered across page reloads. Default `localStorage`; null: nowhere, and no
   * upload is shared with other pages either.
   */
  storage?: Storage | null | undefined;
  /** Encrypts every file before it is sent: `withKeys` or `withPassword` of `signpost/encryption`. Default: none. */
  encryption?: FileEncryption | null | undefined;
  /** For tests: milliseconds since the epoch, a number in [0, 1), a pause that an aborted signal ends early. */
  now?: (() => number) | undefined;
  random?: (() => number) | undefined;
  sleep?: ((delayMs: number, signal: AbortSignal) => Promise<void>) | undefined;
};

/** @typeParam App the app's document types and metadata: see `createSignpost`. */
export type Signpost<App extends AppTypes = AppTypes> = {
  /** The service's base URL, as it was given. */
  readonly url: string;
  /** Whether it has `encryption`: files are encrypted unless an upload says otherwise. */
  readonly isEncrypting: boolean;
  /**
   * Uploads one file straight to the bucket and confirms it: in one piece or in parts, as the service decides. Retries
   * lost connections, 408, 409, 425, 429 (not before `Retry-After`), 5xx and expired URLs. An upload by parts that was
   * interrupted by a page reload or a failure is resumed if the same file is uploaded with the same options within 7
   * days.
   */
  upload: (file: File | Blob, options?: UploadOptions<App>) => Upload<App>;
  /**
   * Uploads many files. One failure does not stop the others: the results are those of `Promise.allSettled`, in the
   * order of the files. `onProgress` reports all files together; `signal` aborts them all.
   */
  uploadAll: (
    files: Iterable<File | Blob>,
    options?: Omit<UploadOptions<App>, 'fileName' | 'objectKey'>,
  ) => Promise<PromiseSettledResult<StoredFile<App>>[]>;
  /**
   * What the user may upload. Ask before a file is chosen. Rejects as `upload` does.
   * @example input.accept = (await signpost.limits({ documentType: 'contract' })).contentTypes.join();
   */
  limits: (options?: LimitsOptions<App>) => Promise<Limits>;
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
 *
 * `createSignpost<{ documents: 'id' | 'contract'; metadata: { source: string } }>` narrows `documentType` and
 * `metadata` of uploads, queues and hooks for the compiler: it checks no answer.
 */
export function createSignpost<App extends AppTypes = AppTypes>(options: SignpostOptions): Signpost<App> {
  const { url, token, storage, encryption = null } = options;
  const given = options.fetch ?? globalThis.fetch;
  // Called as a plain function, because browsers' `fetch` accepts only their global as `this`.
  const fetch: typeof globalThis.fetch = (input, init) => given(input, init);
  const {
    onUnauthorized,
    giveUpAfterMs,
    parallelParts,
    parallelFiles = 3,
    maxAttempts = 8,
    stallTimeoutMs = 60_000,
  } = options;
  const { now = Date.now, random = Math.random, sleep = realSleep } = options;
  const session: UploadSession & { limit: Limit } = {
    fetch,
    parallelParts,
    maxAttempts,
    stallTimeoutMs,
    now,
    random,
    sleep,
    ...(giveUpAfterMs !== undefined && { giveUpAfterMs }),
    call: createCallService({ url, token, onUnauthorized, fetch, stallTimeoutMs }),
    reached: new Set(),
    join: async (file, request, mayFollow) => {
      try {
        const { joinUpload } = await import('./join-upload.ts');
        const bearer = typeof token === 'function' ? await token() : token;
        return await joinUpload({ file, request, url, bearer, mayFollow, storage, now, sha256 });
      } catch {
        // The upload is sent without it. The requests that need the token or the file report what is wrong with them.
        return null;
      }
    },
    limit: createLimit(parallelFiles),
    encryption,
  };
  const upload: Signpost['upload'] = (file, uploadOptions = {}) => startUpload(session, file, uploadOptions);
  return {
    url,
    isEncrypting: !!encryption,
    upload,
    limits: (limitsOptions = {}) => askLimits(session, limitsOptions),
    uploadAll: (files, { onProgress, signal, ...uploadOptions } = {}) => {
      const all = [...files];
      const totalBytes = all.reduce((sum, file) => sum + file.size, 0);
      let sentBytes = 0;
      return Promise.allSettled(
        all.map((file) => {
          let own = 0;
          return upload(file, {
            ...uploadOptions,
            // One each: Node warns of a signal with more than ten listeners. Not every browser has `any`.
            signal: signal && (AbortSignal.any?.([signal]) ?? signal),
            ...(onProgress && {
              onProgress: (progress) => {
                sentBytes += progress.sentBytes - own;
                own = progress.sentBytes;
                onProgress({ sentBytes, totalBytes });
              },
            }),
          });
        }),
      );
    },
  };
}
