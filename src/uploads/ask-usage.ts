import type { Caller } from '../auth/caller.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import { inTime } from '../net/in-time.ts';

/** How long an answer that does not depend on it waits for the user's usage from the database. */
const ANSWER_WITHIN_MS = 1_000;

export type UsageServices = { files: Pick<FileQueries, 'usage'> };

/**
 * How much the user has stored, with the files of the record that `maxFiles` limits; null if the database does not
 * answer within a second.
 */
export function askUsage({ files }: UsageServices, { userId, limits }: Pick<Caller, 'userId' | 'limits'>) {
  const recordId = limits?.maxFiles === undefined ? undefined : limits.recordId;
  return inTime(files.usage(userId, recordId), ANSWER_WITHIN_MS).catch(() => null);
}
