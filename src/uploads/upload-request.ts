import { z } from 'zod';
import { checksumSha256, cleanText, expiresIn, fileName, label } from '../fields.ts';
import { MEDIA_TYPE_PATTERN } from '../media-type.ts';
import { encodeText, RESERVED_METADATA_PREFIX } from './upload-metadata.ts';

/** With the service's own entries (at most 603 bytes) and the names (320) this stays under S3's 2,048 bytes of metadata. */
const MAX_METADATA_BYTES = 1024;
const MAX_METADATA_PAIRS = 10;
const MAX_BATCH = 100;

/** One upload that a client asks for. `size` in bytes; content type at most 128 characters; `metadata` at most 10 pairs. */
export const uploadRequest = z.strictObject({
  fileName,
  contentType: z.string().max(128).regex(MEDIA_TYPE_PATTERN, 'must be a media type like image/png'),
  size: z.int().min(0),
  checksumSha256: checksumSha256.optional(),
  recordId: label.optional(),
  documentType: label.optional(),
  metadata: z
    .record(
      z
        .string()
        .regex(/^[a-z0-9-]{1,32}$/, 'must match [a-z0-9-]{1,32}')
        .refine((name) => !name.startsWith(RESERVED_METADATA_PREFIX), `${RESERVED_METADATA_PREFIX}… is reserved`),
      cleanText,
    )
    .refine((pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS, `at most ${MAX_METADATA_PAIRS} pairs`)
    .refine(
      (pairs) => Object.values(pairs).reduce((sum, value) => sum + encodeText(value).length, 0) <= MAX_METADATA_BYTES,
      `at most ${MAX_METADATA_BYTES} bytes of values, as encoded for the header`,
    )
    .optional(),
  /** Default: `PUT` up to `MULTIPART_THRESHOLD_BYTES`, above it `MULTIPART`. */
  method: z.enum(['PUT', 'POST', 'MULTIPART']).optional(),
  expiresIn: expiresIn.optional(),
});

export type UploadRequest = z.infer<typeof uploadRequest>;

/** Up to 100 of them, signed together or not at all. */
export const uploadRequests = z.strictObject({ files: z.array(uploadRequest).min(1).max(MAX_BATCH) });
