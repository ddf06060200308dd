import { createCallService, type ServiceOptions } from '../call-service.ts';
import { createLimit } from '../limit.ts';
import { type RetryPolicy, sleep as realSleep, retry } from '../retry.ts';
import { SignpostError } from '../signpost-error.ts';
import type { StoredFile } from '../stored-file.ts';
import { isFinal } from '../transfer.ts';
import type { Upload } from '../upload.ts';
import { createAbort } from './create-abort.ts';
import { type AppStorage, createPendingUploads } from './pending-uploads.ts';
import type { NativeFile, SendFile } from './send-file.ts';
import { type FileUploadOptions, startFileUpload } from './start-file-upload.ts';

export type { Progress } from '../progress.ts';
export { SignpostError } from '../signpost-error.ts';
export type { UploadState } from '../upload-state.ts';
export {
  type NativeFile,
  type SendFile,
  type SendRequest,
  sendByExpo,
  sendByFetch,
  sendByLegacyExpo,
} from './send-file.ts';
export type { AppStorage, FileUploadOptions, StoredFile, Upload };

export type FileUploadsOptions<Source extends NativeFile> = Omit<ServiceOptions, 'fetch'> & {
  /** How files are sent: `sendByExpo`, `sendByLegacyExpo(FileSystem)`, `sendByFetch(fetch)`, or one of yours. */
  send: SendFile<Source>;
  /** Where unfinished uploads are kept over restarts of the app: `AsyncStorage`. null: nowhere. */
  storage: AppStorage | null;
  /**
   * How long the system may take to begin sending, in seconds: the lifetime of the signed URL. At most 604,800, and
   * never longer than the service's credentials. Default 86,400.
   */
  expiresInSeconds?: number | undefined;
  /** How many files at once. Default 3. */
  parallelFiles?: number | undefined;
  /** Total attempts of each request, with exponential backoff between them. Default 8. */
  maxAttempts?: number | undefined;
  fetch?: typeof fetch | undefined;
  /** For tests. */
  now?: (() => number) | undefined;
  sleep?: RetryPolicy['sleep'] | undefined;
};

/** How long after its end an upload of another user is remembered: 30 days. */
const KEPT_FOR_OTHERS_MS = 30 * 86_400_000;

/** What became of an upload that an earlier run of the app had begun. */
export type Restored = { objectKey: string; fileName: string } & (
  | { status: 'done'; file: StoredFile }
  /** Not in the bucket yet. The system may still be sending it: ask again later. */
  | { status: 'pending' }
  /** It has to be uploaded again. */
  | { status: 'failed'; error: SignpostError }
);

export type FileUploads<Source extends NativeFile> = {
  /**
   * Uploads one file straight from the file system to the bucket, by one PUT that the system sends, and confirms it. At
   * most 5 GiB (S3's limit of one PUT). The file is never read into memory. Its states and functions are those of
   * `signpost.upload`; after a pause it starts from the first byte.
   */
  upload: (file: Source, options?: FileUploadOptions) => Upload;
  /**
   * Confirms what an earlier run of the app had begun and the system has sent meanwhile. Call it at each start of the
   * app, and when it comes to the foreground. What another user of the device had begun is kept for them.
   * @throws SignpostError if the service does not answer; nothing is forgotten then.
   */
  restore: () => Promise<Restored[]>;
};

/**
 * Uploads files by their place in the file system, for React Native: in the background, even after the app has ended.
 * @example
 * const uploads = createFileUploads({ url, token, send: sendByExpo, storage: AsyncStorage });
 * const upload = uploads.upload(new File(uri), { recordId: 'case-42', onState: setState });
 */
export function createFileUploads<Source extends NativeFile>(options: FileUploadsOptions<Source>): FileUploads<Source> {
  const { send, storage, expiresInSeconds = 86_400, parallelFiles = 3, maxAttempts = 8 } = options;
  const { now = Date.now, sleep = realSleep } = options;
  const given = options.fetch ?? globalThis.fetch;
  const call = createCallService({ ...options, fetch: (input, init) => given(input, init) });
  const pending = createPendingUploads(storage);
  const policy = { maxAttempts, now, sleep, random: Math.random };
  const running = new Set<string>();
  const session = { call, send, policy, limit: createLimit(parallelFiles), pending, expiresInSeconds, running };

  return {
    upload: (file, uploadOptions = {}) => startFileUpload(session, file, uploadOptions),
    restore: async () => {
      const restored: Restored[] = [];
      for (const { objectKey, fileName, untilMs } of await pending.list()) {
        if (running.has(objectKey)) continue;
        const { signal } = createAbort();
        try {
          const file = await retry(() => call<StoredFile>('/confirm-upload', { objectKey }, signal), policy, signal);
          restored.push({ objectKey, fileName, status: 'done', file });
        } catch (error) {
          // Another answer says nothing about the upload: a refused token, or the page of a hotel's network.
          if (!(error instanceof SignpostError) || error.retryable || !isFinal(error)) throw error;
          if (error.code === 'object-not-found' && now() < untilMs) {
            restored.push({ objectKey, fileName, status: 'pending' });
            continue;
          }
          if (error.code === 'not-your-object') {
            // Begun by another user of this device: kept for them, and not returned here.
            if (now() > untilMs + KEPT_FOR_OTHERS_MS) await pending.remove(objectKey);
            continue;
          }
          restored.push({ objectKey, fileName, status: 'failed', error });
        }
        await pending.remove(objectKey);
      }
      return restored;
    },
  };
}
