import type { Config } from '../config/config.ts';
import { frozenKey, type ObjectKey } from '../contract/object-key.ts';
import type { Bucket, ObjectVersion, StoredObject } from '../storage/bucket.ts';
import { objectChanged } from '../storage/bucket-errors.ts';

type FreezeServices = {
  config: Pick<Config, 'keyPrefix' | 'sse'>;
  bucket: Bucket;
  now: () => Date;
  newId: (now: Date) => string;
};

/** The ETag of an object that was stored in one piece: its MD5, unless it is encrypted with a key of KMS. */
const MD5_ETAG = /^"[0-9a-f]{32}"$/;

/** How long a copy waits to be confirmed: by far less than the day after which the sweeper takes it for a stray. */
const REUSABLE_MS = 3_600_000;

/** Copies that are remembered at once; of one that is forgotten another is made. */
const MAX_REMEMBERED = 10_000;

/** Makes verified copies, and has them ready when a confirmation that failed after that is repeated. */
export type Freezer = ReturnType<typeof createFreezer>;

/**
 * One copy of an object serves all its confirmations on this instance, at the same time or repeated within an hour,
 * until one of them has ended: a database that takes no rows for a while must not fill the bucket.
 */
export function createFreezer() {
  const copies = new Map<string, { copy: Promise<StoredObject>; madeAtMs: number }>();
  const nameOf = ({ key, etag, versionId }: ObjectVersion) => `${key} ${etag} ${versionId}`;
  return {
    /** As `freezeObject`. */
    freeze(services: FreezeServices, key: ObjectKey, object: StoredObject): Promise<StoredObject> {
      const name = nameOf(object);
      const known = copies.get(name);
      if (known !== undefined && performance.now() - known.madeAtMs < REUSABLE_MS) return known.copy;
      const made = { copy: freezeObject(services, key, object), madeAtMs: performance.now() };
      copies.delete(name);
      copies.set(name, made);
      const [oldest] = copies.keys();
      if (copies.size > MAX_REMEMBERED && oldest !== undefined) copies.delete(oldest);
      made.copy.catch(() => copies.get(name) === made && copies.delete(name));
      return made.copy;
    },
    /** A file has the copy of this object now, or the object is none: call it before the copy is removed. */
    forget(object: ObjectVersion): void {
      copies.delete(nameOf(object));
    },
  };
}

/**
 * Copies a verified object to a key that nobody holds a signature for, so that what was verified stays what is served.
 * Each call makes a copy of its own: none can be written over by another.
 * @returns the copy.
 * @throws {Problem} `conflict` when the object changed after it was verified, `storage-unavailable`.
 */
export async function freezeObject(
  services: FreezeServices,
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
