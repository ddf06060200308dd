import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { limitedTo } from '../config/limits.ts';
import { bytesField, countField } from '../contract/answer-fields.ts';
import { answers } from '../contract/named-schemas.ts';
import type { FileQueries } from '../db/create-file-queries.ts';

export type GetUsageServices = { config: Pick<Config, 'limits'>; files: Pick<FileQueries, 'usage'> };

export const usageAnswer = z
  .strictObject({
    bytes: bytesField.describe('Of held, active and archived files.'),
    files: countField,
    quotaBytes: bytesField.nullable().describe('Null: no limit.'),
    quotaFiles: countField.nullable().describe('Null: no limit.'),
  })
  .register(answers, { id: 'Usage' });

/**
 * The number and total size of the caller's held, active and archived files, and the quota (null: no limit).
 * @throws {Problem} `database-unavailable`.
 */
export async function getUsage(services: GetUsageServices, caller: Caller): Promise<z.infer<typeof usageAnswer>> {
  const { config, files } = limitedTo(services, caller);
  const { sizeBytes, files: count } = await files.usage(caller.userId);
  return {
    bytes: sizeBytes,
    files: count,
    quotaBytes: config.limits.quota.bytes,
    quotaFiles: config.limits.quota.files,
  };
}
