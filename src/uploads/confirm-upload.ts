import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import { Problem } from '../errors.ts';
import { objectKey, partNumber, uploadId } from '../fields.ts';
import { type File, toFile } from '../files/to-file.ts';
import { parseOwnKey } from '../object-key.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import { completeParts } from './complete-parts.ts';
import { MAX_PARTS } from './multipart-plan.ts';
import { toOpenUpload, uploadNotFound } from './open-upload.ts';
import { verifyObject } from './verify-object.ts';

export const confirmUploadInput = z
  .strictObject({
    objectKey,
    uploadId: uploadId.optional(),
    parts: z
      .array(z.strictObject({ partNumber, etag: z.string().min(1).max(256) }))
      .min(1)
      .max(MAX_PARTS)
      .optional(),
  })
  .refine((input) => input.parts === undefined || input.uploadId !== undefined, {
    path: ['uploadId'],
    message: 'must come with parts',
  });

export type ConfirmUploadInput = z.infer<typeof confirmUploadInput>;

export type ConfirmUploadServices = {
  config: Config;
  bucket: Bucket;
  multipart: MultipartUploads;
  files: Files;
  now: () => Date;
};

/**
 * Completes an upload in parts, if that is what it is, and verifies the object in the bucket, then remembers it: one row, whose id is the one in the key. So any number of
 * calls, at once or one after the other, make one row and get the same answer; a crash leaves an object that can be
 * confirmed again.
 * @returns the file, and whether this call made the row.
 * @throws {Problem} `not-your-object`, `object-not-found`, `upload-not-found`, `verification-failed` (the object is removed), `conflict`,
 * `storage-unavailable`, `database-unavailable` (nothing is lost, the call may be repeated).
 */
export async function confirmUpload(
  services: ConfirmUploadServices,
  caller: Caller,
  input: ConfirmUploadInput,
): Promise<{ file: File; created: boolean }> {
  const { config, bucket, files } = services;
  const key = parseOwnKey(config.keyPrefix, caller.userId, input.objectKey);
  let isGone = false;
  if (input.uploadId !== undefined) {
    const upload = toOpenUpload(config, caller, { objectKey: input.objectKey, uploadId: input.uploadId });
    isGone = !(await completeParts(services.multipart, upload, input.parts));
  }
  const object = key && (await bucket.head(key.key));
  // Completed by an earlier call, the upload is gone and the object is there.
  if (isGone && !object) throw uploadNotFound();
  if (!object) throw new Problem('object-not-found', 'nothing is stored under this key: not uploaded yet, or swept');

  /** The row of an earlier confirmation, if it is this key's and this user's. */
  const findConfirmed = async () => {
    const row = await files.find({ id: key.fileId, ownerId: caller.userId });
    return row !== null && row.objectKey === key.key
      ? { file: toFile(row, config.publicBaseUrl), created: false }
      : null;
  };

  const verdict = await verifyObject(services, key, object);
  if (!('upload' in verdict)) {
    // Limits may have been tightened since: an object that has its row is never removed.
    const confirmed = await findConfirmed();
    if (confirmed !== null) return confirmed;
    await bucket.remove(object);
    throw new Problem('verification-failed', 'the stored object is not what was signed for; it was removed', {
      errors: verdict.mismatches,
    });
  }

  const { upload } = verdict;
  const row = await files.insert({
    id: key.fileId,
    ownerId: caller.userId,
    objectKey: key.key,
    fileName: upload.fileName,
    contentType: object.contentType,
    sizeBytes: object.sizeBytes,
    etag: object.etag,
    versionId: object.versionId,
    checksumSha256: object.checksumSha256 ?? upload.checksumSha256,
    recordId: key.recordId,
    documentType: key.documentType,
    metadata: upload.metadata,
    status: 'active',
    createdAt: services.now(),
  });
  if (row !== null) return { file: toFile(row, config.publicBaseUrl), created: true };
  const confirmed = await findConfirmed();
  if (confirmed === null) throw new Problem('conflict', 'this file id belongs to another object');
  return confirmed;
}
