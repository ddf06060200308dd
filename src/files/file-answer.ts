import * as z from 'zod';
import type { StoredFile } from '../client/stored-file.ts';
import { bytesField, etagField, fileIdField, timeField } from '../contract/answer-fields.ts';
import { FILE_STATE_NAMES, FILE_STATES } from '../contract/file-states.ts';
import { answers } from '../contract/named-schemas.ts';
import { publicFileUrl } from '../contract/object-key.ts';
import type { FileRow } from '../db/schema.ts';
import { objectOfFile } from './object-of-file.ts';

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

/** Columns that are never in an answer. */
type Hidden = 'ownerId' | 'storedKey' | 'sseKeyId' | 'refusal' | 'verdict' | 'deletedAt' | 'objectRemovedAt';

/** A row as the API answers it. */
export function toFile(row: FileRow, publicBaseUrl: string | null): StoredFile {
  return {
    fileId: row.id,
    objectKey: row.objectKey,
    fileName: row.fileName,
    contentType: row.contentType,
    detectedContentType: row.detectedContentType,
    size: row.sizeBytes,
    etag: row.etag,
    versionId: row.versionId,
    checksumSha256: row.checksumSha256,
    recordId: row.recordId,
    documentType: row.documentType,
    metadata: row.metadata,
    encryption: row.encryption,
    status: row.status,
    ...(row.status === 'rejected' && { rejection: row.verdict?.reason ?? '' }),
    createdAt: row.createdAt.toISOString(),
    publicFileUrl: FILE_STATES[row.status].isDownloadable ? publicFileUrl(publicBaseUrl, objectOfFile(row).key) : null,
  } satisfies Record<Exclude<keyof FileRow, Hidden | 'id' | 'sizeBytes'>, unknown> & Record<string, unknown>;
}
