import type { Config } from '../config/config.ts';
import { frozenKey, type ObjectKey } from '../contract/object-key.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { ObjectVersion, StoredObject } from '../storage/stored-object.ts';
import { copyUnchanged } from './copy-unchanged.ts';

type FreezeServices = {
  config: Pick<Config, 'store'>;
  bucket: Bucket;
  now: () => Date;
  newId: (now: Date) => string;
};

/** How long a copy is reused: far less than the day after which the sweeper removes it as a stray. */
const REUSABLE_MS = 3_600_000;

/** How many copies are remembered; an object whose copy was forgotten is copied again. */
const MAX_REMEMBERED = 10_000;

/** Makes verified copies, and reuses them if a failed confirmation is repeated. */
export type Freezer = ReturnType<typeof createFreezer>;

/**
 * Shares one copy of an object among all its confirmations on this instance, concurrent or repeated within an hour,
 * until one of them ends: while the database is down, repeated confirmations must not fill the bucket with copies.
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
    /** Forgets the copy once a file has it or its object was refused. Call it before the copy is removed. */
    forget(object: ObjectVersion): void {
      copies.delete(nameOf(object));
    },
  };
}

/**
 * Copies a verified object to a key that was never signed, so that no client can replace the verified bytes.
 * Each call copies to a new key, so no call overwrites another's copy.
 * @returns the copy.
 * @throws {Problem} `conflict` when the object changed after it was verified, `storage-unavailable`.
 */
export async function freezeObject(
  services: FreezeServices,
  key: ObjectKey,
  object: StoredObject,
): Promise<StoredObject> {
  const { config, now, newId } = services;
  return copyUnchanged(services, object, frozenKey(config.store.keyPrefix, key, newId(now())));
}
