import { SignpostError } from '../signpost-error.ts';
import type { Upload } from '../upload.ts';
import type { UploadState } from '../upload-state.ts';
import type { Store } from './create-store.ts';
import type { Prepared, QueueFileOptions, QueueItem, QueueSnapshot, QueueTotals } from './queue-item.ts';

/** One file of a queue, from being added to being removed. */
export type Entry = {
  item: QueueItem;
  /** With those of the queue. */
  options: QueueFileOptions;
  preparation: Promise<Prepared> | null;
  upload: Upload | null;
  /** Where its bytes are, once all are sent: if its outcome stays unknown, they are not sent twice. */
  objectKey?: string | undefined;
  /** Aborted when the item is removed. */
  removed: AbortController;
};

/** Nothing is wrong. */
export const IDLE = { error: null, nextAttemptAtMs: null, retryable: false };

/** An item whose file is not known yet. */
export function newItem(id: string, isPaused: boolean | undefined): QueueItem {
  return {
    id,
    file: null,
    fileName: '',
    contentType: '',
    relativePath: null,
    needs: null,
    sentBytes: 0,
    totalBytes: 0,
    status: isPaused ? 'paused' : 'waiting',
    ...IDLE,
    stored: null,
  };
}

const RUNNING = ['preparing', 'uploading', 'retrying', 'offline', 'confirming'] as const;

/** Whether a file in this state has a place among those that are sent at once. */
export function isRunning(state: UploadState): state is Extract<UploadState, { status: (typeof RUNNING)[number] }> {
  return RUNNING.some((status) => status === state.status);
}

/** @throws {RangeError} */
export function atLeastOne(concurrency: number): number {
  if (!(concurrency >= 1)) throw new RangeError('concurrency must be 1 or more');
  return concurrency;
}

export function areEqual(a: QueueTotals, b: QueueTotals): boolean {
  return Object.entries(a).every(([name, value]) => b[name as keyof QueueTotals] === value);
}

/** The error of a file that was chosen and cannot be read. */
export function unreadable(cause: unknown): SignpostError {
  return new SignpostError({
    code: 'file-changed',
    status: 0,
    detail: 'the file cannot be read',
    retryable: false,
    cause,
  });
}

/** Resolves when no file waits or runs. */
export function untilSettled(store: Store<QueueSnapshot>): Promise<QueueSnapshot> {
  return new Promise((resolve) => {
    const look = () => {
      const snapshot = store.getSnapshot();
      if (snapshot.totals.waiting + snapshot.totals.running > 0) return;
      stop();
      resolve(snapshot);
    };
    const stop = store.subscribe(look);
    look();
  });
}
