import type { ActingCaller } from '../audit/audited.ts';
import type { Config } from '../config/config.ts';
import { busy, type Mismatch, Problem } from '../contract/errors.ts';
import { buildObjectKey, frozenKey, type ParsedKey, safeFileName } from '../contract/object-key.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { createSlots, type Slots } from '../net/slots.ts';
import type { Bucket } from '../storage/bucket.ts';
import { objectChanged, whyUnreadable } from '../storage/bucket-errors.ts';
import type { BucketLister, ListedObject } from '../storage/list-bucket.ts';
import { adoptObject } from './adopt-object.ts';
import { adoptedId } from './adopted-id.ts';
import { checkQuota } from './check-quota.ts';
import { fromMetadata } from './upload-metadata.ts';
import { type Confirmed, findRow, isFileOf, noFile } from './upload-outcome.ts';

/** How long a call waits for the one that adopts the same object. */
const ADOPTED_WITHIN_MS = 10_000;

/**
 * Lets one call at a time adopt an object. Otherwise each call that a client repeats while a large object is being
 * copied would make another copy of it.
 */
export function createAdoptingSlots(): Slots {
  return createSlots({
    inAll: Number.POSITIVE_INFINITY,
    perUser: 1,
    waitMs: ADOPTED_WITHIN_MS,
    refuse: () => busy('this object is being adopted'),
  });
}

type AdoptUploadServices = {
  /** Limits concurrent calls for one object: `createAdoptingSlots`. */
  adopting: Slots;
  config: Pick<Config, 'limits' | 'store'>;
  bucket: Bucket;
  lister: Pick<BucketLister, 'objects'>;
  files: FileQueries;
  now: () => Date;
  newId: (now: Date) => string;
};

/**
 * Makes a file of an object under the caller's prefix that was put by other means, such as temporary credentials. The
 * file gets a key of its own, and its bytes are a copy that only the service can write. The id is made from owner, key,
 * ETag and date: so repeated and concurrent calls make one file, and an object that is replaced becomes another. The
 * object itself stays, whatever becomes of it here. On one instance, calls for one object take turns.
 * @param upload the parts of `objectKey`, if it has the form of an upload's.
 * @returns null if the service signed the upload of this object.
 * @throws {Problem} `object-not-found`; `not-your-object` for a caller who is limited to a record; `quota-exceeded`;
 * `verification-failed`; `conflict` if it changed meanwhile, or its file was deleted; `storage-unavailable`, also if
 * another call is still copying it.
 */
export function adoptUpload(
  services: AdoptUploadServices,
  caller: ActingCaller,
  objectKey: string,
  upload: ParsedKey | null,
): Promise<Confirmed | null> {
  return services.adopting.run(objectKey, () => adopt(services, caller, objectKey, upload));
}

async function adopt(
  services: AdoptUploadServices,
  caller: ActingCaller,
  objectKey: string,
  upload: ParsedKey | null,
): Promise<Confirmed | null> {
  const { config, bucket, newId, now } = services;
  const { recordId } = caller.limits ?? {};
  if (upload === null && recordId !== undefined) {
    throw new Problem('not-your-object', `you may upload to the record ${recordId} only`);
  }
  const listed = (await services.lister.objects(objectKey, null)).objects.find(({ key }) => key === objectKey);
  const source = listed === undefined ? null : await bucket.head(objectKey).catch(refuseUnreadable);
  if (listed === undefined || source === null)
    throw new Problem('object-not-found', 'nothing is stored under this key');
  if (source.etag !== listed.etag) throw objectChanged();
  if (upload !== null && fromMetadata(source.metadata) !== null) return null;

  const { key, row } = await findFile(services, caller, listed, upload);
  if (isFileOf(key, row)) return { row, created: false };
  if (row !== null) throw noFile(key, row);
  await checkQuota(services, caller, [source.sizeBytes]);
  const adopted = await adoptObject(services, source, {
    key,
    copyTo: frozenKey(config.store.keyPrefix, key.key, newId(now())),
    act: caller.act,
    quota: config.limits.quota,
    createdAt: now(),
  }).catch(refuseUnreadable);
  if ('reasons' in adopted) throw cannotBeFile(adopted.reasons);
  if (adopted.row !== null) return { row: adopted.row, created: true };
  // Another call was faster, with a copy of its own.
  if (adopted.copy !== null) await bucket.remove(adopted.copy).catch(() => {});
  const winner = await findRow(services, key);
  if (isFileOf(key, winner)) return { row: winner, created: false };
  throw noFile(key, winner);
}

function cannotBeFile(errors: readonly Mismatch[], cause?: unknown): Problem {
  return new Problem('verification-failed', 'the object cannot be a file; it was left as it is', { errors, cause });
}

/** A 422 for an object that exists, but cannot be read, so that a repeated call would not help. */
function refuseUnreadable(error: unknown): never {
  const message = whyUnreadable(error);
  throw message === null ? error : cannotBeFile([{ path: 'objectKey', message }], error);
}

/** The key of the object's file, and the id's row, if there is one. A burned id is not used again. */
async function findFile(
  services: AdoptUploadServices,
  caller: ActingCaller,
  listed: ListedObject,
  upload: ParsedKey | null,
  attempt = 0,
): Promise<{ key: ParsedKey; row: FileRow | null }> {
  const { userId } = caller;
  const fileId = adoptedId(userId, listed, attempt);
  const labels = { recordId: upload?.recordId ?? null, documentType: upload?.documentType ?? null };
  const parts = { userId, ...labels, fileId, fileName: safeFileName(listed.key) };
  const row = await services.files.findAny({ id: fileId, ownerId: userId });
  if (row?.status === 'refused') return findFile(services, caller, listed, upload, attempt + 1);
  return { key: { ...parts, key: buildObjectKey(services.config.store.keyPrefix, parts) }, row };
}
