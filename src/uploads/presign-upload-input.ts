import { z } from 'zod';
import { checksumSha256, contentType, expiresIn, fileName, label, metadata } from '../contract/fields.ts';

const MAX_BATCH = 100;

/** One upload that a client asks for. `size` in bytes; content type up to 128 characters; `metadata` up to 10 pairs. */
export const presignUploadInput = z.strictObject({
  fileName,
  contentType,
  size: z.int().min(0),
  checksumSha256: checksumSha256.optional(),
  recordId: label.optional(),
  documentType: label.optional(),
  metadata: metadata.optional(),
  /**
   * If the file is uploaded in parts, each part needs its SHA-256: only `POST /presign-parts` gives URLs for them, and
   * the file's checksum is the composite, `<base64>-<parts>`. Default false.
   */
  partChecksums: z.boolean().optional(),
  /** Default: `PUT` up to `MULTIPART_THRESHOLD_BYTES`, above it `MULTIPART`. */
  method: z.enum(['PUT', 'POST', 'MULTIPART']).optional(),
  expiresIn: expiresIn.optional(),
});

export type PresignUploadInput = z.infer<typeof presignUploadInput>;

/** Up to 100 of them, signed together or not at all. */
export const presignUploadsInput = z.strictObject({ files: z.array(presignUploadInput).min(1).max(MAX_BATCH) });
