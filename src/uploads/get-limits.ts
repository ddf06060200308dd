import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Limits } from '../client/stored-file.ts';
import type { Config } from '../config/config.ts';
import { contentTypesOf, documentTypeViolations, limitedTo, maxBytesOf } from '../config/limits.ts';
import { isCopied, maxCopyBytes } from '../config/store-traits.ts';
import { bytesField, countField } from '../contract/answer-fields.ts';
import { Problem } from '../contract/errors.ts';
import { documentType } from '../contract/fields.ts';
import { answers } from '../contract/named-schemas.ts';
import { askUsage, type UsageServices } from './ask-usage.ts';

export const limitsQuery = z.strictObject({ documentType: documentType.optional() });

export const limitsAnswer = z
  .strictObject({
    maxBytes: bytesField.describe('The largest file, in bytes.'),
    contentTypes: z.array(z.string()).describe('Types and patterns like `image/*`.'),
    methods: z.array(z.enum(['PUT', 'POST', 'MULTIPART'])),
    multipartThresholdBytes: bytesField.describe('Larger files go in parts, unless a method is asked for.'),
    quota: z.strictObject({
      bytes: bytesField.nullable().describe('Null: no limit.'),
      files: countField.nullable().describe('Null: no limit.'),
      usedBytes: bytesField.nullable().describe('Null while the database does not answer.'),
      usedFiles: countField.nullable().describe('Null while the database does not answer.'),
      recordFiles: countField.optional().describe('With `maxFiles` of a record, in a ticket.'),
      usedRecordFiles: countField.nullable().optional().describe('Null while the database does not answer.'),
    }),
    recordId: z.string().optional().describe('Every upload must have it, by a ticket.'),
    documentTypes: z.array(z.string()).readonly().optional().describe('An upload must have one of them, by a ticket.'),
    uploadsUntil: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('Nothing is presigned from then on, by a ticket.'),
  })
  .register(answers, { id: 'Limits' }) satisfies z.ZodType<Limits>;

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
    throw new Problem(code, message, { errors: [{ path, message }] });
  }
  const { recordId, documentTypes, uploadsUntil } = limits.caller ?? {};
  const used = await askUsage(services, caller);
  const maxBytes = maxBytesOf(limits, documentType);
  return {
    maxBytes: isCopied(store, false) ? Math.min(maxBytes, maxCopyBytes(store)) : maxBytes,
    contentTypes: contentTypesOf(limits, documentType),
    methods: store.forms ? ['PUT', 'POST', 'MULTIPART'] : ['PUT', 'MULTIPART'],
    multipartThresholdBytes: limits.multipartThresholdBytes,
    quota: {
      ...limits.quota,
      usedBytes: used?.sizeBytes ?? null,
      usedFiles: used?.files ?? null,
      ...(limits.quota.recordFiles !== undefined && { usedRecordFiles: used?.recordFiles ?? null }),
    },
    ...(recordId !== undefined && { recordId }),
    ...(documentTypes !== undefined && { documentTypes }),
    ...(uploadsUntil !== undefined && { uploadsUntil }),
  };
}
