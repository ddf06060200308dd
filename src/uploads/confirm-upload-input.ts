import * as z from 'zod';
import { objectKey, partNumber, uploadId } from '../contract/fields.ts';
import { MAX_PARTS } from '../contract/s3-limits.ts';

/** The body of `POST /confirm-upload`. */
export const confirmUploadInput = z
  .strictObject({
    objectKey,
    uploadId: uploadId.optional(),
    adopt: z.boolean().optional().describe('Make a file of an object that was put by other means.'),
    parts: z
      .array(z.strictObject({ partNumber, etag: z.string().min(1).max(256) }))
      .min(1)
      .max(MAX_PARTS)
      .optional(),
  })
  .refine((input) => input.adopt !== true || input.uploadId === undefined, {
    path: ['adopt'],
    message: 'must not come with uploadId',
  })
  .refine((input) => input.parts === undefined || input.uploadId !== undefined, {
    path: ['uploadId'],
    message: 'must come with parts',
  });

export type ConfirmUploadInput = z.infer<typeof confirmUploadInput>;
