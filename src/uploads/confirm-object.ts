import type { ActingCaller } from '../audit/audited.ts';
import type { Config } from '../config/config.ts';
import { limitedTo } from '../config/limits.ts';
import { isCopied } from '../config/store-traits.ts';
import { type Mismatch, Problem, type Refusal } from '../contract/errors.ts';
import type { ParsedKey } from '../contract/object-key.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Slots } from '../net/slots.ts';
import type { Bucket, Sampled } from '../storage/bucket.ts';
import type { BucketLister } from '../storage/list-bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { adoptUpload } from './adopt-upload.ts';
import { completeParts } from './complete-parts.ts';
import type { ConfirmUploadInput } from './confirm-upload-input.ts';
import type { ConfirmedIds } from './confirmed-ids.ts';
import { discardUpload, removeUpload } from './discard-upload.ts';
import type { Freezer } from './freeze-object.ts';
import type { IdSigner } from './id-signer.ts';
import { isSignedUpload } from './is-signed-upload.ts';
import { toOpenUpload, uploadNotFound } from './multipart-plan.ts';
import { ownUploadKey } from './own-upload-key.ts';
import { toNewFile } from './to-new-file.ts';
import { type Confirmed, findRow, isFileOf, isForgotten, mayRemove, noFile } from './upload-outcome.ts';
import { isCostly, SAMPLE_BYTES, type Verified, verifyObject } from './verify-object.ts';

export type ConfirmObjectServices = {
  /** Limits concurrent adoptions of one object: `createAdoptingSlots`. */
  adopting: Slots;
  confirmed: ConfirmedIds;
  config: Pick<Config, 'limits' | 'store'>;
  ids: IdSigner;
  bucket: Bucket;
  freezer: Freezer;
  multipart: MultipartUploads;
  lister: Pick<BucketLister, 'objects'>;
  files: FileQueries;
  now: () => Date;
  newId: (now: Date) => string;
};

/**
 * Completes an upload in parts if there is one, verifies its object, and inserts the row.
 * @throws {Problem} as `confirmUpload`.
 */
export async function confirmObject(
  unlimited: ConfirmObjectServices,
  caller: ActingCaller,
  { objectKey, uploadId, parts, adopt }: ConfirmUploadInput,
): Promise<Confirmed> {
  const services = limitedTo(unlimited, caller);
  const key = ownUploadKey(services.config.store, caller, objectKey);
  const adopted = adopt === true ? await adoptUpload(services, caller, objectKey, key) : null;
  if (adopted !== null) return adopted;
  if (key === null) throw objectNotFound();
  if (uploadId !== undefined) {
    const upload = toOpenUpload(services, caller, { objectKey, uploadId });
    await completeParts(services.multipart, upload, parts, caller.userId);
  }

  const { object, firstBytes, row } = await look(services, key);
  if (row !== null && (object !== null || !isForgotten(row))) return settle(services, key, object, row);
  if (object === null) throw uploadId === undefined ? objectNotFound() : uploadNotFound();

  const verdict = await verifyObject(services, key, object, firstBytes).catch((error: unknown) => ({ error }));
  if ('upload' in verdict) return insertFile(services, caller, key, object, verdict);
  // An object that is already a file may no longer fit the limits, or be unreadable.
  const known = await findRow(services, key);
  if (known !== null) return settle(services, key, object, known);
  if ('error' in verdict) throw verdict.error;
  if (!isSignedUpload(services.ids, key, object)) throw putByOtherMeans(verdict.mismatches);
  await services.bucket.affirm(object);
  const detail = 'the stored object does not match the signed upload, and is removed';
  return refuse(services, key, object, { code: 'verification-failed', detail, errors: verdict.mismatches });
}

/**
 * The object and its first bytes; and the id's row, but only if that can save work (the bytes, a copy, a hash). In all
 * other cases the insert reports a row that exists already.
 */
async function look(
  services: ConfirmObjectServices,
  key: ParsedKey,
): Promise<{ object: StoredObject | null; firstBytes?: Sampled['firstBytes']; row: FileRow | null }> {
  const { bucket, confirmed, config } = services;
  if (confirmed.has(key.fileId)) {
    // The first bytes of a file are not needed.
    const looking = bucket.head(key.key);
    // The slot stays taken until the bucket has answered, also if the database fails first.
    const [row, object] = await Promise.all([findRow(services, key), looking]).finally(() =>
      Promise.allSettled([looking]),
    );
    return { object, row };
  }
  const sampled = await bucket.headAndFirstBytes(key.key, SAMPLE_BYTES);
  if (sampled === null) return { object: null, row: await findRow(services, key) };
  return { ...sampled, row: isCostly(config.store, sampled.object) ? await findRow(services, key) : null };
}

/** Inserts the row of a verified object; first copies the object if it could be sent again. */
async function insertFile(
  services: ConfirmObjectServices,
  caller: ActingCaller,
  key: ParsedKey,
  object: StoredObject,
  verdict: Verified,
): Promise<Confirmed> {
  const { config, bucket, files, freezer } = services;
  const { upload } = verdict;
  const stored = isCopied(config.store, upload.isRepeatable) ? await freezer.freeze(services, key.key, object) : object;
  const file = toNewFile(key, verdict, { object, stored, createdAt: services.now() }, config.limits);
  // A caller without limits, or a bucket event, may confirm what a ticket uploaded. The ticket's limits still apply.
  const signed = upload.limitedTo && { ...upload.limitedTo, recordId: key.recordId ?? undefined };
  const { quota } = limitedTo(services, { limits: caller.limits ?? signed }).config.limits;
  const inserted = await files.insert(file, caller.act, quota).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'quota-exceeded') return error;
    throw error;
  });
  if (inserted instanceof Problem) {
    return refuse(services, key, object, { code: 'quota-exceeded', detail: inserted.message }, stored);
  }
  if (inserted === null) {
    // Another call was faster, or the id is burned.
    const row = await findRow(services, key);
    if (row === null) return refuse(services, key, object, null, stored);
    await dropCopy(services, object, stored, row);
    return settle(services, key, object, row);
  }
  services.confirmed.add(key.fileId);
  freezer.forget(object);
  // The file has the copy now. If the original cannot be removed, the sweeper does it.
  if (stored !== object) await bucket.remove(object).catch(() => {});
  return { row: inserted, created: true };
}

/** The file of this row, which has the key's id already; removes the object if the row rules out a file. */
async function settle(
  { bucket, confirmed }: ConfirmObjectServices,
  key: ParsedKey,
  object: StoredObject | null,
  row: FileRow,
): Promise<Confirmed> {
  if (!isFileOf(key, row)) {
    if (object !== null && mayRemove(row, key)) await removeUpload({ bucket }, object);
    throw noFile(key, row);
  }
  confirmed.add(key.fileId);
  // Someone with direct access to the bucket may have replaced the object.
  if (object !== null && object.etag !== row.etag && row.storedKey === null) {
    throw new Problem('conflict', 'the stored object is not the one that was confirmed');
  }
  return { row, created: false };
}

/** Burns the id of a rejected object, unless another call has confirmed it meanwhile. */
async function refuse(
  services: ConfirmObjectServices,
  key: ParsedKey,
  object: StoredObject,
  refusal: Refusal | null,
  stored = object,
): Promise<Confirmed> {
  const row = await discardUpload(services, key, object, refusal);
  await dropCopy(services, object, stored, row);
  if (isFileOf(key, row)) return { row, created: false };
  throw noFile(key, row);
}

/** Removes the copy, if there is one, unless the row has it: no call that shares the copy can win any more. */
async function dropCopy(
  { bucket, freezer }: ConfirmObjectServices,
  object: StoredObject,
  stored: StoredObject,
  row: FileRow | null,
): Promise<void> {
  freezer.forget(object);
  if (stored !== object && row !== null && row.storedKey !== stored.key) await bucket.remove(stored).catch(() => {});
}

function putByOtherMeans(errors: readonly Mismatch[]): Problem {
  const detail =
    'the object was not stored through a presigned upload, and was left as it is; adopt it with adopt: true';
  return new Problem('verification-failed', detail, { errors });
}

function objectNotFound(): Problem {
  return new Problem('object-not-found', 'nothing is stored under this key: not uploaded yet, or swept');
}
