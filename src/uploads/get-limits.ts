import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Limits } from '../client/stored-file.ts';
import type { Config } from '../config/config.ts';
import { contentTypesOf, documentTypeViolations, limitedTo, maxBytesOf } from '../config/limits.ts';
import { isCopied } from '../config/store-traits.ts';
import { Problem } from '../contract/errors.ts';
import { label } from '../contract/fields.ts';
import { MAX_PUT_BYTES } from '../contract/s3-limits.ts';
import { askUsage, type UsageServices } from './ask-usage.ts';

export const limitsQuery = z.strictObject({ documentType: label.optional() });

export type GetLimitsServices = UsageServices & { config: Pick<Config, 'limits' | 'store'> };

/**
 * What the caller may upload, for a page that asks before a file is chosen: the largest size in bytes, the types or
 * patterns of types, the methods, from which size an upload goes in parts, and the quota (null: no limit) with what is
 * used of it. Works without the database: `usedBytes` and `usedFiles` are null then.
 * @throws {Problem} `invalid-request` if the caller may not upload without, or with this document type.
 */
export async function getLimits(
  services: GetLimitsServices,
  caller: Caller,
  { documentType = null }: { documentType?: string | null | undefined },
): Promise<Limits> {
  const { limits, store } = limitedTo(services, caller).config;
  const [violation] = documentTypeViolations(limits, documentType);
  if (violation !== undefined) {
    const { code, path, message } = violation;
    throw new Problem(code, `documentType ${message}`, { errors: [{ path, message }] });
  }
  const used = await askUsage(services, caller);
  const maxBytes = maxBytesOf(limits, documentType);
  return {
    // One copy holds at most 5 GiB.
    maxBytes: isCopied(store, false) ? Math.min(maxBytes, MAX_PUT_BYTES) : maxBytes,
    contentTypes: contentTypesOf(limits, documentType),
    methods: store.forms ? ['PUT', 'POST', 'MULTIPART'] : ['PUT', 'MULTIPART'],
    multipartThresholdBytes: limits.multipartThresholdBytes,
    quota: { ...limits.quota, usedBytes: used?.sizeBytes ?? null, usedFiles: used?.files ?? null },
  };
}
