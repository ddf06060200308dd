import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import { Problem } from '../errors.ts';
import { objectKey, uploadId } from '../fields.ts';
import { parseOwnKey } from '../object-key.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import { parseUploadId } from './multipart-plan.ts';

export const abortUploadInput = z.strictObject({ objectKey, uploadId: uploadId.optional() });

export type AbortUploadServices = {
  config: Config;
  bucket: Bucket;
  multipart: Pick<MultipartUploads, 'abort'>;
  files: Files;
  now: () => Date;
};

/**
 * Gives up an upload: its parts, and an object that arrived but was not confirmed, are removed. When there is nothing
 * left to abort it has succeeded.
 *
 * A confirmation at the same moment must not be left with a row and no object. So before the object is removed the file
 * id is taken by a row that is deleted from the start: of the two inserts one wins, and the other one sees it.
 * @throws {Problem} `not-your-object`, `conflict` once it is confirmed, `storage-unavailable`, `database-unavailable`.
 */
export async function abortUpload(
  services: AbortUploadServices,
  caller: Caller,
  input: z.infer<typeof abortUploadInput>,
): Promise<void> {
  const { config, bucket, multipart, files } = services;
  const key = parseOwnKey(config.keyPrefix, caller.userId, input.objectKey);
  if (key === null) return;
  const assertNotConfirmed = async () => {
    const row = await files.find({ id: key.fileId, ownerId: caller.userId });
    if (row !== null) throw new Problem('conflict', 'the upload is confirmed: it is a file now');
  };
  await assertNotConfirmed();

  const upload = input.uploadId === undefined ? null : parseUploadId(input.uploadId);
  if (upload !== null) await multipart.abort(key.key, upload.bucketUploadId);
  const object = await bucket.head(key.key);
  if (object === null) return;
  const taken = await files.insert({
    id: key.fileId,
    ownerId: caller.userId,
    objectKey: key.key,
    fileName: key.fileName,
    contentType: object.contentType,
    sizeBytes: object.sizeBytes,
    etag: object.etag,
    versionId: object.versionId,
    checksumSha256: object.checksumSha256,
    recordId: key.recordId,
    documentType: key.documentType,
    metadata: {},
    status: 'deleted',
    createdAt: services.now(),
  });
  if (taken === null) await assertNotConfirmed();
  await bucket.remove(object);
}
