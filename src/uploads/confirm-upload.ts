import * as z from 'zod';
import { type ActingCaller, audited } from '../audit/audited.ts';
import { type AuditServices, recordAct } from '../audit/record-refusals.ts';
import type { Caller } from '../auth/caller.ts';
import type { StoredFile } from '../client/stored-file.ts';
import type { Config } from '../config/config.ts';
import { limitedTo } from '../config/limits.ts';
import { isCopied } from '../config/store-traits.ts';
import { busy, type Mismatch, Problem, type Refusal } from '../contract/errors.ts';
import { objectKey, partNumber, uploadId } from '../contract/fields.ts';
import { MAX_PARTS } from '../contract/s3-limits.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { toFile } from '../files/file-answer.ts';
import { createSlots, type Slots } from '../net/slots.ts';
import type { Receipts } from '../receipts/create-receipts.ts';
import type { Bucket, Sampled } from '../storage/bucket.ts';
import type { BucketLister } from '../storage/list-bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import { adoptUpload } from './adopt-upload.ts';
import { completeParts } from './complete-parts.ts';
import type { ConfirmedIds } from './confirmed-ids.ts';
import { discardUpload } from './discard-upload.ts';
import type { Freezer } from './freeze-object.ts';
import type { IdSigner } from './id-signer.ts';
import { isSignedUpload } from './is-signed-upload.ts';
import { toOpenUpload, uploadNotFound } from './multipart-plan.ts';
import { ownUploadKey } from './own-upload-key.ts';
import { type OnConfirmed, tellConfirmed } from './tell-confirmed.ts';
import { toNewFile } from './to-new-file.ts';
import { isFileOf, isForgotten, mayRemove, noFile, refusalOf } from './upload-outcome.ts';
import { isCostly, SAMPLE_BYTES, verifyObject } from './verify-object.ts';

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

type ConfirmUploadInput = z.infer<typeof confirmUploadInput>;

/** Limits on concurrent confirmations and abortions: in total, per user, and how long one waits for its turn. */
const MAX_CONFIRMING = 64;
const MAX_CONFIRMING_PER_USER = 16;
const CONFIRMING_WITHIN_MS = 10_000;

/** Slots for running confirmations: copying, completing and hashing take long, and one user must not block others. */
export function createConfirmingSlots(): Slots {
  return createSlots({
    inAll: MAX_CONFIRMING,
    perUser: MAX_CONFIRMING_PER_USER,
    waitMs: CONFIRMING_WITHIN_MS,
    refuse: (isUserLimit) => busy(`too many${isUserLimit ? ' of your' : ''} uploads are being confirmed or aborted`),
  });
}

export type ConfirmUploadServices = AuditServices & {
  /** Limits concurrent confirmations: `createConfirmingSlots`. */
  confirming: Slots;
  /** Limits concurrent adoptions of one object: `createAdoptingSlots`. */
  adopting: Slots;
  confirmed: ConfirmedIds;
  config: Pick<Config, 'limits' | 'store' | 'urls'>;
  ids: IdSigner;
  bucket: Bucket;
  metrics: Pick<Metrics, 'count'>;
  freezer: Freezer;
  multipart: MultipartUploads;
  lister: Pick<BucketLister, 'objects'>;
  files: FileQueries;
  now: () => Date;
  newId: (now: Date) => string;
  receipts: Pick<Receipts, 'sign'>;
  /** The app's own step before the answer, if any. */
  onConfirmed?: OnConfirmed | undefined;
};

/**
 * Completes an upload in parts if there is one, verifies the object in the bucket, then inserts its row, with the file
 * id from the key. So any number of calls, concurrent or repeated, make one row and get the same answer; after a crash,
 * the object can be confirmed again.
 *
 * Two round trips: HEAD and the first bytes at the same time, then the insert. A repeated call has one on the same
 * instance: HEAD and the row at the same time. On another one it has three: after the insert, which does nothing, the
 * row. Uploads in parts, forms, refusals, and checksums that the store does not keep have more.
 * @returns the file, and whether this call made the row.
 * @throws {Problem} `not-your-object`, `object-not-found`, `upload-not-found`; `verification-failed` and
 * `quota-exceeded`: the object is removed, its id can never become a file, and a repeated call gets the same answer;
 * `file-rejected` once a held file was judged; `conflict`; `storage-unavailable`, `database-unavailable`,
 * `application-unavailable`: nothing is lost, repeat the call.
 */
export const confirmUpload = audited('upload.confirm', confirmInTurn, ({ objectKey }) => ({ objectKey }));

async function confirmInTurn(services: ConfirmUploadServices, caller: ActingCaller, input: ConfirmUploadInput) {
  const { objectKey } = input;
  const { metrics } = services;
  const answered = await services.confirming
    .run(caller.userId, () =>
      confirm(services, caller, input).catch((error: unknown) => whenOvertaken(services, caller, objectKey, error)),
    )
    .catch((error: unknown) => {
      const outcome = error instanceof Problem ? error.code : 'internal-error';
      metrics.count('signpost_confirmations_total', { outcome });
      throw error;
    });
  const { created } = answered;
  const receipt = await services.receipts.sign?.(answered.file, caller.userId);
  const file = { ...answered.file, ...(receipt !== undefined && { receipt }) };
  metrics.count('signpost_confirmations_total', { outcome: created ? 'confirmed' : 'known' });
  if (created) metrics.count('signpost_confirmed_bytes_total', {}, file.size);
  if (!created && caller.isOnBehalf) await recordAct(services, caller, caller.act.action, { ...file, objectKey });
  if (services.onConfirmed !== undefined) await tellConfirmed(services.onConfirmed, file, caller);
  return { file, created };
}

/**
 * Returns the file of the concurrent call that won: it may have removed the object, after a copy or a refusal, while
 * this call was reading or copying it.
 */
async function whenOvertaken(
  { config, files }: ConfirmUploadServices,
  caller: Caller,
  objectKey: string,
  error: unknown,
) {
  const isGone = error instanceof Problem && ['object-not-found', 'upload-not-found', 'conflict'].includes(error.code);
  const key = isGone ? ownUploadKey(config.store, caller, objectKey) : null;
  const row = key && (await files.findAny({ id: key.fileId, ownerId: caller.userId }));
  if (key === null || row === null) throw error;
  if (isFileOf(key, row) && row.storedKey !== null)
    return { file: toFile(row, config.urls.publicBaseUrl), created: false };
  throw refusalOf(row) === null ? error : noFile(key, row);
}

async function confirm(
  all: ConfirmUploadServices,
  caller: ActingCaller,
  input: ConfirmUploadInput,
): Promise<{ file: StoredFile; created: boolean }> {
  const services = limitedTo(all, caller);
  const { config, bucket, files, freezer } = services;
  const key = ownUploadKey(config.store, caller, input.objectKey);
  const answer = (row: FileRow, created: boolean) => ({ file: toFile(row, config.urls.publicBaseUrl), created });
  const adopted = input.adopt === true ? await adoptUpload(services, caller, input.objectKey, key) : null;
  if (adopted !== null) return answer(adopted.row, adopted.created);
  if (key === null) throw objectNotFound();
  /** Burns the id of a rejected object, unless another call has confirmed it meanwhile. */
  const refuse = async (object: StoredObject, refusal: Refusal | null, stored = object) => {
    const row = await discardUpload(services, key, object, refusal);
    freezer.forget(object);
    // Remove the copy, too, if the row rules out a file: then no call that shares the copy can still win.
    if (stored !== object && row !== null && row.storedKey !== stored.key) await bucket.remove(stored).catch(() => {});
    if (isFileOf(key, row)) return answer(row, false);
    throw noFile(key, row);
  };

  // The first bytes of a confirmed file are not needed.
  const isKnown = services.confirmed.has(key.fileId);
  const look = async (): Promise<Sampled | null> => {
    if (!isKnown) return bucket.headAndFirstBytes(key.key, SAMPLE_BYTES);
    const object = await bucket.head(key.key);
    return object && { object, firstBytes: () => bucket.firstBytes(object, SAMPLE_BYTES) };
  };
  const find = () => files.findAny({ id: key.fileId, ownerId: caller.userId });
  const looking = input.uploadId === undefined ? look() : complete(services, caller, input).then(look);
  // The slot stays taken until the bucket has answered, also if the database fails first.
  const [known, sampled] = await Promise.all([isKnown ? find() : null, looking]).finally(() =>
    Promise.allSettled([looking]),
  );
  const object = sampled?.object ?? null;
  /** The answer to an id that has this row. */
  const settle = async (row: FileRow) => {
    if (isFileOf(key, row)) {
      services.confirmed.add(key.fileId);
      // Someone with direct access to the bucket may have replaced the object.
      if (object !== null && object.etag !== row.etag && row.storedKey === null) {
        throw new Problem('conflict', 'the stored object is not the one that was confirmed');
      }
      return answer(row, false);
    }
    if (object !== null && mayRemove(row, key)) await bucket.remove(object);
    throw noFile(key, row);
  };
  // For most uploads, the insert reports an existing row, so the first confirmation need not look for one before.
  const isFound = isKnown || object === null || isCostly(config.store, object);
  const row = isKnown || !isFound ? known : await find();
  if (row !== null && !(object === null && isForgotten(row))) return settle(row);
  if (sampled === null || object === null) throw input.uploadId === undefined ? objectNotFound() : uploadNotFound();

  const verdict = await verifyObject(services, key, object, sampled.firstBytes).catch((error: unknown) => ({ error }));
  // An object that is already a file may no longer fit the limits, or be unreadable.
  const other = isFound || 'upload' in verdict ? null : await find();
  if (other !== null) return settle(other);
  if ('error' in verdict) throw verdict.error;
  if (!('upload' in verdict)) {
    if (!isSignedUpload(services.ids, key, object)) throw putByOtherMeans(verdict.mismatches);
    await bucket.affirm(object);
    const detail = 'the stored object does not match the signed upload; it was removed';
    return refuse(object, { code: 'verification-failed', detail, errors: verdict.mismatches });
  }

  const { upload } = verdict;
  const stored = isCopied(config.store, upload.isRepeatable) ? await freezer.freeze(services, key.key, object) : object;
  const file = toNewFile(key, verdict, { object, stored, createdAt: services.now() }, config.limits);
  // A caller without limits, or a bucket event, may confirm what a ticket uploaded. The ticket's limits still apply.
  const signed = upload.limitedTo && { ...upload.limitedTo, recordId: key.recordId ?? undefined };
  const { quota } = limitedTo(all, { limits: caller.limits ?? signed }).config.limits;
  const inserted = await files.insert(file, caller.act, quota).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'quota-exceeded') return error;
    throw error;
  });
  if (inserted instanceof Problem) return refuse(object, { code: 'quota-exceeded', detail: inserted.message }, stored);
  if (inserted !== null) {
    services.confirmed.add(key.fileId);
    freezer.forget(object);
    // The file has the copy now. If the original cannot be removed, the sweeper does it.
    if (stored !== object) await bucket.remove(object).catch(() => {});
    return answer(inserted, true);
  }
  const faster = isFound ? null : await find();
  return faster === null ? refuse(object, null, stored) : settle(faster);
}

/** Completes an upload in parts, unless an earlier call has done so. */
async function complete(
  services: ConfirmUploadServices,
  caller: Caller,
  { objectKey, uploadId = '', parts }: ConfirmUploadInput,
): Promise<void> {
  const upload = toOpenUpload(services, caller, { objectKey, uploadId });
  await completeParts(services.multipart, upload, parts, caller.userId);
}

function putByOtherMeans(errors: readonly Mismatch[]): Problem {
  const detail =
    'the object was not stored through a presigned upload, and was left as it is; adopt it with adopt: true';
  return new Problem('verification-failed', detail, { errors });
}

function objectNotFound(): Problem {
  return new Problem('object-not-found', 'nothing is stored under this key: not uploaded yet, or swept');
}
