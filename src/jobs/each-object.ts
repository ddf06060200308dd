import { Problem } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import { refusalCode } from '../storage/bucket-errors.ts';

/** How many tasks run at the same time. */
const PARALLEL = 8;

/** Done objects are recorded in batches of about this size: a crash loses the records of the current batch. */
const BATCH = 200;

/** After so many consecutive calls without an answer, the bucket counts as down, and the sweep ends. */
const MAX_SILENT = 3;

/** Only so many failures of a sweep are logged; all are counted. */
const MAX_LOGGED = 100;

export type EachOptions<T> = {
  /** Of the whole sweep. */
  failures: { count: number; silentInARow: number };
  signal: AbortSignal;
  logger: Pick<Logger, 'warn'>;
  /** Records finished objects, also if the run ends early. */
  note: (done: readonly T[]) => Promise<void>;
};

/**
 * Runs a task for each object, a few at a time. If the bucket refuses (Object Lock, a policy) or does not answer, the
 * object is counted, logged with its key and the bucket's code, and left to the next sweep.
 * @param task returns false if there was nothing to do.
 * @throws {Problem} `storage-unavailable` if the bucket has not answered several times in a row, the signal's reason if
 * it is aborted, and any other error of the task.
 */
export async function eachObject<T extends { key: string }>(
  these: readonly T[],
  { failures, signal, logger, note }: EachOptions<T>,
  task: (one: T) => Promise<boolean>,
): Promise<void> {
  let done: T[] = [];
  const tell = async () => {
    const told = done;
    done = [];
    if (told.length > 0) await note(told);
  };
  const attempt = async (one: T) => {
    try {
      if (await task(one)) done.push(one);
      failures.silentInARow = 0;
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'storage-unavailable') throw error;
      const code = refusalCode(error);
      failures.silentInARow = code === null ? failures.silentInARow + 1 : 0;
      if (++failures.count <= MAX_LOGGED) {
        const why = code === null ? { err: error.cause } : { code };
        logger.warn({ objectKey: one.key, ...why }, 'an object stays: the bucket refused, or did not answer');
      }
      if (failures.silentInARow >= MAX_SILENT) throw error;
    }
  };
  try {
    for (let i = 0; i < these.length; i += PARALLEL) {
      signal.throwIfAborted();
      const results = await Promise.allSettled(these.slice(i, i + PARALLEL).map(attempt));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      if (done.length >= BATCH) await tell();
    }
  } finally {
    await tell();
  }
}
