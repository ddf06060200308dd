import type { Config } from '../config.ts';
import { frozenKey, type ObjectKey } from '../object-key.ts';
import type { Bucket, StoredObject } from '../storage/bucket.ts';
import { objectChanged } from '../storage/bucket-errors.ts';

/** The ETag of an object that was stored in one piece: its MD5, unless it is encrypted with a key of KMS. */
const MD5_ETAG = /^"[0-9a-f]{32}"$/;

/**
 * Copies a verified object to a key that nobody holds a signature for, so that what was verified stays what is served.
 * Each call makes a copy of its own: none can be written over by another.
 * @returns the copy.
 * @throws {Problem} `conflict` when the object changed after it was verified, `storage-unavailable`.
 */
export async function freezeObject(
  services: { config: Config; bucket: Bucket; now: () => Date; newId: (now: Date) => string },
  key: ObjectKey,
  object: StoredObject,
): Promise<StoredObject> {
  const { config, bucket, now, newId } = services;
  const copyKey = frozenKey(config.keyPrefix, key, newId(now()));
  const copied = await bucket.copy(object, copyKey, config.sse);
  // Ceph does not say which version it made: without it the copy could never be removed for good.
  const isUnnamed = object.versionId !== null && copied.versionId === null;
  const versionId = isUnnamed ? ((await bucket.head(copyKey))?.versionId ?? null) : copied.versionId;
  const copy = { ...object, ...copied, key: copyKey, versionId };
  // Ceph looks at the condition before it copies, and not while it does. Where ETags are MD5s, they tell.
  const areMd5s = config.sse.mode !== 'kms' && MD5_ETAG.test(object.etag) && MD5_ETAG.test(copy.etag);
  if (areMd5s && object.etag !== copy.etag) {
    await bucket.remove(copy).catch(() => {});
    throw objectChanged();
  }
  return copy;
}
