import { z } from 'zod';
import { type AuditServices, actOf, recordRefusals } from '../audit/record-refusals.ts';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';
import { Problem } from '../errors.ts';
import { objectKey, partNumber, uploadId } from '../fields.ts';
import { type File, toFile } from '../files/to-file.ts';
import { parseOwnKey } from '../object-key.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import { completeParts } from './complete-parts.ts';
import { discardObject, isFileOf } from './discard-object.ts';
import { freezeObject } from './freeze-object.ts';
import { MAX_PARTS } from './multipart-plan.ts';
import { toOpenUpload, uploadNotFound } from './open-upload.ts';
import { toNewFile } from './to-new-file.ts';
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

type ConfirmUploadInput = z.infer<typeof confirmUploadInput>;

export type ConfirmUploadServices = AuditServices & {
  config: Config;
  bucket: Bucket;
  multipart: MultipartUploads;
  files: Files;
  now: () => Date;
  newId: (now: Date) => string;
};

/**
 * Completes an upload in parts, if that is what it is, verifies the object in the bucket, then remembers it: one row,
 * whose id is the one in the key. So any number of calls, at once or one after the other, make one row and get the same
 * answer; a crash leaves an object that can be confirmed again.
 * @returns the file, and whether this call made the row.
 * @throws {Problem} `not-your-object`, `object-not-found`, `upload-not-found`, `verification-failed` (the object is
 * removed, and its id can become no file any more), `quota-exceeded` (likewise), `conflict`, `storage-unavailable`, `database-unavailable` (nothing
 * is lost, the call may be repeated).
 */
export function confirmUpload(
  services: ConfirmUploadServices,
  caller: Caller,
  input: ConfirmUploadInput,
): Promise<{ file: File; created: boolean }> {
  const { objectKey } = input;
  return recordRefusals(services, caller, 'upload.confirm', { objectKey }, () =>
    confirm(services, caller, input).catch((error: unknown) => whenOvertaken(services, caller, objectKey, error)),
  );
}

/**
 * What is copied away is gone from under its own key as soon as it is confirmed: whoever was about to look at it, or to
 * copy it, gets the same answer as who was faster.
 */
async function whenOvertaken(
  { config, files }: ConfirmUploadServices,
  caller: Caller,
  objectKey: string,
  error: unknown,
) {
  const isGone = error instanceof Problem && ['object-not-found', 'upload-not-found', 'conflict'].includes(error.code);
  const key = isGone ? parseOwnKey(config.keyPrefix, caller.userId, objectKey) : null;
  const row = key && (await files.find({ id: key.fileId, ownerId: caller.userId }));
  if (row?.objectKey !== objectKey || row.storedKey === null) throw error;
  return { file: toFile(row, config.publicBaseUrl), created: false };
}

async function confirm(
  services: ConfirmUploadServices,
  caller: Caller,
  input: ConfirmUploadInput,
): Promise<{ file: File; created: boolean }> {
  const { config, bucket, files } = services;
  const key = parseOwnKey(config.keyPrefix, caller.userId, input.objectKey);
  if (key === null) throw objectNotFound();
  const answer = (row: FileRow, created: boolean) => ({ file: toFile(row, config.publicBaseUrl), created });

  const [known, object] = await Promise.all([
    files.find({ id: key.fileId, ownerId: caller.userId }),
    input.uploadId === undefined ? bucket.head(key.key) : completed(services, caller, input.objectKey, input),
  ]);
  if (known !== null) {
    // Whoever can write here by other means may have taken the id for another key, or put other bytes under this one.
    if (known.objectKey !== key.key) throw new Problem('conflict', 'this file id belongs to another object');
    if (object !== null && object.etag !== known.etag && known.storedKey === null) {
      throw new Problem('conflict', 'the stored object is not the one that was confirmed');
    }
    return answer(known, false);
  }
  if (object === null) throw input.uploadId === undefined ? objectNotFound() : uploadNotFound();

  const verdict = await verifyObject(services, key, object);
  if (!('upload' in verdict)) {
    const confirmed = await discardObject(services, key, object);
    if (isFileOf(key, confirmed)) return answer(confirmed, false);
    throw new Problem('verification-failed', 'the stored object is not what was signed for; it was removed', {
      errors: verdict.mismatches,
    });
  }

  const { upload } = verdict;
  const stored =
    upload.isRepeatable || config.freezeUploads === 'all' ? await freezeObject(services, key.key, object) : object;
  const file = toNewFile(key, upload, { object, stored, createdAt: services.now() });
  const row = await files.insert(file, actOf(caller, 'upload.confirm')).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'quota-exceeded') return error;
    throw error;
  });
  if (row !== null && !(row instanceof Problem)) {
    // The original is nobody's file any more: what cannot be removed now is left to be swept.
    if (stored !== object) await bucket.remove(object).catch(() => {});
    return answer(row, true);
  }
  // It is no file, and neither its bytes nor their copy may stay; unless, meanwhile, it was confirmed after all.
  const confirmed = await discardObject(services, key, object);
  if (stored !== object) await bucket.remove(stored).catch(() => {});
  if (isFileOf(key, confirmed)) return answer(confirmed, false);
  throw row ?? new Problem('conflict', 'an upload with this id was refused, given up or deleted; presign a new one');
}

/** The object of an upload in parts, completed by this call or an earlier one; null when there is neither. */
async function completed(
  { config, multipart, bucket }: ConfirmUploadServices,
  caller: Caller,
  objectKey: string,
  { uploadId = '', parts }: Pick<ConfirmUploadInput, 'uploadId' | 'parts'>,
) {
  const upload = toOpenUpload(config, caller, { objectKey, uploadId });
  await completeParts(multipart, upload, parts);
  return bucket.head(upload.key);
}

function objectNotFound(): Problem {
  return new Problem('object-not-found', 'nothing is stored under this key: not uploaded yet, or swept');
}
