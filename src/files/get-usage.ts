import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { limitedTo } from '../config/limits.ts';
import type { FileQueries } from '../db/create-file-queries.ts';

export type GetUsageServices = { config: Pick<Config, 'limits'>; files: Pick<FileQueries, 'usage'> };

/**
 * The number and total size of the caller's active and archived files, and the quota (null: no limit).
 * @throws {Problem} `database-unavailable`.
 */
export async function getUsage(services: GetUsageServices, caller: Caller) {
  const { config, files } = limitedTo(services, caller);
  const { sizeBytes, files: count } = await files.usage(caller.userId);
  return {
    bytes: sizeBytes,
    files: count,
    quotaBytes: config.limits.quota.bytes,
    quotaFiles: config.limits.quota.files,
  };
}
