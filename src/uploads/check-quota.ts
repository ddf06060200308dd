import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { findExcess } from '../config/limits.ts';
import { askUsage, type UsageServices } from './ask-usage.ts';

/**
 * Refuses uploads that would certainly exceed their user's quota, before their bytes are sent. Makes no query without a
 * quota, and refuses nothing if the database does not answer: confirming enforces the quota.
 * @param sizesBytes the sizes of all requested uploads; null: unknown.
 * @throws {Problem} `quota-exceeded`.
 */
export async function checkQuota(
  services: UsageServices & { config: Pick<Config, 'limits'> },
  caller: Pick<Caller, 'userId' | 'limits'>,
  sizesBytes: readonly (number | null)[],
): Promise<void> {
  const { quota } = services.config.limits;
  if (quota.bytes === null && quota.files === null && quota.recordFiles === undefined) return;
  const more = { sizeBytes: sizesBytes.reduce<number>((sum, size) => sum + (size ?? 0), 0), files: sizesBytes.length };
  const excessAlone = findExcess(quota, { sizeBytes: 0, files: 0 }, more);
  if (excessAlone !== null) throw excessAlone;
  const used = await askUsage(services, caller);
  const excess = used && findExcess(quota, used, more);
  if (excess !== null) throw excess;
}
