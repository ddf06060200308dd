import type { AppTypes } from '../app-types.ts';
import type { StoredFile } from '../stored-file.ts';
import type { UploadOptions } from '../upload.ts';
import type { UploadState } from '../upload-state.ts';

/**
 * What a file is doing: the states of an upload (`UploadState`). `waiting` is for its turn, and `preparing` includes
 * `beforeUpload` and the limits.
 */
export type QueueStatus = Exclude<UploadState['status'], 'aborted'>;

/** The options of `signpost.upload` that each file of a queue may have. */
export type QueueFileOptions<App extends AppTypes = AppTypes> = Omit<
  UploadOptions<App>,
  'onProgress' | 'onState' | 'signal' | 'objectKey'
>;

/** What is sent of a file, and how. */
export type Prepared = { file: File | Blob; fileName: string; contentType: string; options: QueueFileOptions };

/**
 * What a `paused` file of an earlier page waits for: the user's `permission` to read it (`resume` asks), or the `file`,
 * which has to be added again.
 */
export type QueueNeed = 'permission' | 'file';

/** One file of a queue, as it is at one moment: a change makes a new object. */
export type QueueItem<App extends AppTypes = AppTypes> = {
  readonly id: string;
  /** What was chosen. null if it cannot be read, or is needed again. */
  readonly file: File | Blob | null;
  readonly fileName: string;
  readonly contentType: string;
  /** Where it lay in the folder that was chosen or dropped, with the folder's name: `photos/2026/a.jpg`. */
  readonly relativePath: string | null;
  readonly status: QueueStatus;
  /** Only with a `memory`, after a reload; otherwise null. */
  readonly needs: QueueNeed | null;
  readonly sentBytes: number;
  /** The size of what is sent: that of the chosen file, unless `beforeUpload` returned another one. */
  readonly totalBytes: number;
  /** Usually a `SignpostError`, or what `beforeUpload` threw; null unless `failed` or `retrying`. */
  readonly error: unknown;
  /** While `retrying`: milliseconds since the epoch. Otherwise null. */
  readonly nextAttemptAtMs: number | null;
  /** When it has failed: whether trying again can help. Not if the file itself was refused. */
  readonly retryable: boolean;
  /** The confirmed file; null unless `done`. */
  readonly stored: StoredFile<App> | null;
};

/** All files of a queue together. Bytes are without those of failed files. */
export type QueueTotals = {
  readonly files: number;
  readonly waiting: number;
  /** Those that are prepared or sent. */
  readonly running: number;
  readonly paused: number;
  readonly done: number;
  readonly failed: number;
  readonly sentBytes: number;
  readonly totalBytes: number;
  /** Over the last eight seconds; null during the first three, and when nothing is sent. */
  readonly bytesPerSecond: number | null;
  /** Until all files that are not paused are sent; null if unknown. */
  readonly secondsLeft: number | null;
};

export type QueueSnapshot<App extends AppTypes = AppTypes> = {
  readonly items: readonly QueueItem<App>[];
  readonly totals: QueueTotals;
  /** Whether files that are added wait for `resume`. */
  readonly isPaused: boolean;
  readonly concurrency: number;
};
