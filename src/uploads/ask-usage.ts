import type { Caller } from '../auth/caller.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import { inTime } from '../net/in-time.ts';

/** How long an answer that does not depend on it waits for the user's usage from the database. */
const ANSWER_WITHIN_MS = 1_000;

export type UsageServices = { files: Pick<FileQueries, 'usage'> };

/** How much the user has stored; null if the database does not answer within a second. */
export function askUsage({ files }: UsageServices, { userId }: Pick<Caller, 'userId'>) {
  return inTime(files.usage(userId), ANSWER_WITHIN_MS).catch(() => null);
}
