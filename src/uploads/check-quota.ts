import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { findExcess } from '../config/limits.ts';
import type { Files } from '../db/create-files.ts';
import { inTime } from '../net/in-time.ts';

/** How long signing waits for the database to say what a user has. */
const ANSWER_WITHIN_MS = 1_000;

/**
 * Refuses uploads that are certain to take their user over the quota, before their bytes are sent. Without a quota
 * nobody is asked; a database that does not answer refuses nothing. Whether they fit is decided when they are
 * confirmed.
 * @param sizesBytes of all that is asked for at once; null: not known.
 * @throws {Problem} `quota-exceeded`.
 */
export async function checkQuota(
  { config: { quota }, files }: { config: Pick<Config, 'quota'>; files: Pick<Files, 'usage'> },
  { userId }: Pick<Caller, 'userId'>,
  sizesBytes: readonly (number | null)[],
): Promise<void> {
  if (quota.bytes === null && quota.files === null) return;
  const more = { sizeBytes: sizesBytes.reduce<number>((sum, size) => sum + (size ?? 0), 0), files: sizesBytes.length };
  const hopeless = findExcess(quota, { sizeBytes: 0, files: 0 }, more);
  if (hopeless !== null) throw hopeless;
  const used = await inTime(files.usage(userId), ANSWER_WITHIN_MS).catch(() => null);
  const excess = used && findExcess(quota, used, more);
  if (excess !== null) throw excess;
}
