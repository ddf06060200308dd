import * as z from 'zod';
import type { StoredFile } from '../client/stored-file.ts';
import { bytesField, etagField, fileIdField, timeField } from '../contract/answer-fields.ts';
import { answers } from '../contract/components.ts';
import { FILE_STATE_NAMES } from '../contract/file-states.ts';

/** A confirmed file. */
export const fileAnswer = z
  .strictObject({
    fileId: fileIdField,
    objectKey: z.string(),
    fileName: z.string().describe('The original name.'),
    contentType: z.string(),
    detectedContentType: z.string().nullable().describe('What the first bytes were found to be; null if uncertain.'),
    size: bytesField,
    etag: etagField,
    versionId: z.string().nullable().describe('Null if the bucket keeps no versions.'),
    checksumSha256: z
      .string()
      .nullable()
      .describe('Base64; for parts the composite `<base64>-<parts>`; null if none was asked for or kept.'),
    recordId: z.string().nullable(),
    documentType: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    encryption: z.string().nullable().describe('How to decrypt it, as its client says; null if it is not encrypted.'),
    status: z.enum(FILE_STATE_NAMES),
    rejection: z.string().optional().describe('Why a held file was rejected; only of a rejected one.'),
    createdAt: timeField,
    publicFileUrl: z.url().nullable().describe('Null unless `PUBLIC_BASE_URL` is set, and the file active.'),
    receipt: z
      .string()
      .optional()
      .describe('Signed proof of the confirmation (a JWS): only in the answer to it, where receipts are on.'),
  })
  .register(answers, { id: 'File' }) satisfies z.ZodType<StoredFile>;
