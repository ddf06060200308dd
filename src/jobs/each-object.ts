import { Problem } from '../contract/errors.ts';
import { refusalCode } from '../storage/bucket-errors.ts';

/** Objects that are removed at the same time. */
const PARALLEL = 8;

/** After so many the database is told, at the latest: what is removed and not told yet, a crash loses from the log. */
const BATCH = 200;

/** So many in a row without an answer: then the bucket is down, and the sweep ends. */
const MAX_SILENT = 3;

/** So many failures of one sweep are logged each; the rest is in the count. */
const MAX_LOGGED = 100;

export type EachOptions<T> = {
  /** Of the whole sweep. */
  failures: { count: number; silentInARow: number };
  signal: AbortSignal;
  logger: { warn: (fields: Record<string, unknown>, message: string) => void };
  /** Told what was done, also when it ends early. */
  note: (done: readonly T[]) => Promise<void>;
};

/**
 * Does what is to be done with each of these in the bucket, a few at a time. One that the bucket refuses (Object Lock,
 * a policy), or does not answer for, is counted, logged with its key and the bucket's own code, and left to the next
 * sweep.
 * @param task false where there was nothing to be done after all.
 * @throws {Problem} `storage-unavailable` when the bucket has not answered several times in a row, the signal's reason
 * when it is aborted, and whatever else the task throws.
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
        logger.warn({ objectKey: one.key, ...why }, 'an object is left: the bucket refused, or did not answer');
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
