import * as z from 'zod';
import { type ActingCaller, audited } from '../audit/audited.ts';
import type { AuditServices } from '../audit/record-events.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import { objectKey, uploadId } from '../contract/fields.ts';
import { requests } from '../contract/named-schemas.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { Slots } from '../net/slots.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import { discardUpload } from './discard-upload.ts';
import type { IdSigner } from './id-signer.ts';
import { isMarked } from './mark-file-id.ts';
import { parseUploadId } from './multipart-plan.ts';
import { ownUploadKey } from './own-upload-key.ts';
import { isFileOf } from './upload-outcome.ts';

export const abortUploadInput = z
  .strictObject({ objectKey, uploadId: uploadId.optional() })
  .register(requests, { id: 'AbortRequest' });

export type AbortUploadServices = AuditServices & {
  /** Shared with confirmations: aborting needs as many calls to bucket and database. */
  confirming: Slots;
  config: Pick<Config, 'store'>;
  ids: IdSigner;
  bucket: Bucket;
  multipart: Pick<MultipartUploads, 'abort'>;
  files: FileQueries;
  now: () => Date;
};

/**
 * Aborts an upload: removes its parts, and the object if it arrived unconfirmed. An object that arrives later cannot be
 * confirmed either, not even by a bucket event. Succeeds if there is nothing to abort; a key that was never signed
 * leaves no row.
 * @throws {Problem} `not-your-object`, `conflict` once it is confirmed, `storage-unavailable`, `database-unavailable`.
 */
export const abortUpload = audited('upload.abort', abortInTurn, ({ objectKey }) => ({ objectKey }));

function abortInTurn(
  services: AbortUploadServices,
  caller: ActingCaller,
  input: z.infer<typeof abortUploadInput>,
): Promise<void> {
  return services.confirming.run(caller.userId, () => abort(services, caller, input));
}

async function abort(
  services: AbortUploadServices,
  caller: ActingCaller,
  input: z.infer<typeof abortUploadInput>,
): Promise<void> {
  const { config, ids, bucket, multipart, files } = services;
  const key = ownUploadKey(config.store, caller, input.objectKey);
  if (key === null) return;
  if ((await files.find({ id: key.fileId, ownerId: caller.userId })) !== null) throw confirmed();

  const upload = input.uploadId === undefined ? null : parseUploadId(ids, key.key, input.uploadId);
  if (upload !== null) await multipart.abort(key.key, upload.bucketUploadId);
  const object = await bucket.head(key.key);
  // Nothing can arrive under a key that was never signed, and callers could make up any number of such keys.
  if (object === null && !isMarked(ids, key)) return;
  // `recordActs` writes the row of an act on another user's behalf, even if nothing was left to abort.
  const act = caller.isOnBehalf ? null : caller.act;
  if (isFileOf(key, await discardUpload(services, key, object, null, act))) throw confirmed();
}

function confirmed(): Problem {
  return new Problem('conflict', 'the upload was confirmed before: it is a file now');
}
