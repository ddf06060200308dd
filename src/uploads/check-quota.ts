import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { findExcess } from '../config/limits.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import { inTime } from '../net/in-time.ts';

/** How long signing waits for the user's usage from the database. */
const ANSWER_WITHIN_MS = 1_000;

/**
 * Refuses uploads that would certainly exceed their user's quota, before their bytes are sent. Makes no query without a
 * quota, and refuses nothing if the database does not answer: confirming enforces the quota.
 * @param sizesBytes the sizes of all requested uploads; null: unknown.
 * @throws {Problem} `quota-exceeded`.
 */
export async function checkQuota(
  { config, files }: { config: Pick<Config, 'limits'>; files: Pick<FileQueries, 'usage'> },
  { userId }: Pick<Caller, 'userId'>,
  sizesBytes: readonly (number | null)[],
): Promise<void> {
  const { quota } = config.limits;
  if (quota.bytes === null && quota.files === null) return;
  const more = { sizeBytes: sizesBytes.reduce<number>((sum, size) => sum + (size ?? 0), 0), files: sizesBytes.length };
  const excessAlone = findExcess(quota, { sizeBytes: 0, files: 0 }, more);
  if (excessAlone !== null) throw excessAlone;
  const used = await inTime(files.usage(userId), ANSWER_WITHIN_MS).catch(() => null);
  const excess = used && findExcess(quota, used, more);
  if (excess !== null) throw excess;
}
