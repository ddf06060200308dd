import { z } from 'zod';
import { requests } from '../contract/components.ts';
import {
  checksumSha256,
  contentType,
  documentType,
  expiresIn,
  fileName,
  metadata,
  recordId,
} from '../contract/fields.ts';

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
  .register(requests, { id: 'UploadRequest' });

export type PresignUploadInput = z.infer<typeof presignUploadInput>;

/** Up to 100 of them, signed together or not at all. */
export const presignUploadsInput = z
  .strictObject({ files: z.array(presignUploadInput).min(1).max(MAX_BATCH) })
  .register(requests, { id: 'UploadBatchRequest' });
