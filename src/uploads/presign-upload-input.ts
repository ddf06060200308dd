import * as z from 'zod';
import {
  checksumSha256,
  contentType,
  documentType,
  encryption,
  expiresIn,
  fileName,
  MAX_METADATA_BYTES,
  metadata,
  recordId,
} from '../contract/fields.ts';
import { ENCRYPTION_ENTRY, encodeText } from '../contract/metadata-text.ts';
import { requests } from '../contract/named-schemas.ts';

const MAX_BATCH = 100;

/** One upload that a client asks for. */
export const presignUploadInput = z
  .strictObject({
    fileName,
    contentType,
    size: z.int().min(0).describe('Bytes; 0 is an empty file.'),
    checksumSha256: checksumSha256.optional(),
    recordId: recordId.optional(),
    documentType: documentType.optional(),
    metadata: metadata.optional(),
    encryption: encryption.optional(),
    partChecksums: z
      .boolean()
      .optional()
      .describe(
        'In parts, each part needs its SHA-256: only `POST /presign-parts` gives URLs for them, and the checksum of ' +
          'the file is the composite, `<base64>-<parts>`. Default: false.',
      ),
    method: z
      .enum(['PUT', 'POST', 'MULTIPART'])
      .optional()
      .describe('Default: `PUT` up to `MULTIPART_THRESHOLD_BYTES`, above it `MULTIPART`.'),
    expiresIn: expiresIn.optional(),
  })
  .refine(fitsWithEncryption, {
    path: ['encryption'],
    message: `at most ${MAX_METADATA_BYTES} bytes together with the values of metadata`,
  })
  .register(requests, { id: 'UploadRequest' });

export type PresignUploadInput = z.infer<typeof presignUploadInput>;

type Stored = { metadata?: Record<string, string> | undefined; encryption?: string | undefined };

/** Whether both fit into the object's metadata, of which S3 takes 2,048 bytes. */
export function fitsWithEncryption({ metadata = {}, encryption }: Stored): boolean {
  if (encryption === undefined) return true;
  const values = Object.values(metadata).reduce((sum, value) => sum + encodeText(value).length, 0);
  return values + ENCRYPTION_ENTRY.length + encryption.length <= MAX_METADATA_BYTES;
}

/** Up to 100 of them, signed together or not at all. */
export const presignUploadsInput = z
  .strictObject({ files: z.array(presignUploadInput).min(1).max(MAX_BATCH) })
  .register(requests, { id: 'UploadBatchRequest' });
