import type { Progress, StoredFile, Upload } from '../client/create-signpost.ts';
import { explain, isWorthRetrying } from './explain.ts';

export type UploadState = 'waiting' | 'sending' | 'paused' | 'failed' | 'over';

export type UploadItem = ReturnType<typeof createUploadItem>;

export type UploadEvents = {
  onProgress: () => void;
  onStored: (item: UploadItem, stored: StoredFile) => void;
  onFailed: (item: UploadItem, reason: string) => void;
};

/** One file's upload, running or failed, without anything that is shown of it: thousands may wait. */
export function createUploadItem(
  file: File,
  start: (onProgress: (progress: Progress) => void) => Upload,
  on: UploadEvents,
) {
  let state: UploadState = 'waiting';
  let sentBytes = 0;
  let sentAtMs = 0;
  let problem = '';
  let canRetry = true;
  /** null: waits for its turn. */
  let upload: Upload | null = null;

  const begin = () => {
    upload = start((reported) => {
      if (state === 'waiting') state = 'sending';
      sentBytes = reported.sentBytes;
      sentAtMs = performance.now();
      on.onProgress();
    });
    upload.then(
      (stored) => {
        state = 'over';
        on.onStored(item, stored);
      },
      (error: unknown) => {
        if (state === 'over') return;
        state = 'failed';
        problem = explain(error);
        canRetry = isWorthRetrying(error);
        on.onFailed(item, problem);
      },
    );
  };

  const item = {
    file,
    state: () => state,
    sentBytes: () => sentBytes,
    /** When the last bytes were sent, on the clock of `performance.now()`. */
    sentAtMs: () => sentAtMs,
    /** Why it failed, in sentences. */
    problem: () => problem,
    /** Whether another attempt with the same file can succeed. */
    canRetry: () => canRetry,
    /** Whether it takes part now; `begin` lets it. */
    isBegun: () => upload !== null,
    begin,
    retry: (): void => {
      state = 'waiting';
      begin();
    },
    pause: (): void => {
      if (state !== 'waiting' && state !== 'sending') return;
      state = 'paused';
      upload?.pause();
    },
    resume: (): void => {
      if (state !== 'paused') return;
      state = 'waiting';
      upload?.resume();
    },
    /** Aborts a running upload, dismisses a failed one. */
    cancel: (): void => {
      state = 'over';
      void upload?.abort();
    },
  };
  return item;
}
