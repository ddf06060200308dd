import { createHash } from 'node:crypto';
import { busy, unavailable } from '../contract/errors.ts';
import { createSlots } from '../net/slots.ts';
import { readBytes } from './read-object.ts';
import { MAX_HASHED } from './request-limits.ts';
import type { SendObjectRequest } from './request-objects.ts';
import type { StoredObject } from './stored-object.ts';

/** How long hashing an object waits for its turn. */
const HASHING_WITHIN_MS = 10_000;

/** The minimum rate at which an object is read to be hashed, and how far the reading may fall behind. */
const MIN_HASHED_BYTES_PER_MS = 128;
const MAX_DELAY_MS = 10_000;

/**
 * Hashes objects with SHA-256 (base64), read as a stream: for stores that keep no checksums. Concurrent callers share
 * one read; two objects are read at once, the others wait.
 * @returns a function of the object and the user; users without a running read come first.
 */
export function createHasher(send: SendObjectRequest): (object: StoredObject, by: string) => Promise<string> {
  const running = new Map<string, Promise<string>>();
  const slots = createSlots({
    inAll: MAX_HASHED,
    waitMs: HASHING_WITHIN_MS,
    refuse: () => busy('too many files are waiting to be hashed'),
  });

  async function hash(object: StoredObject): Promise<string> {
    const sha256 = createHash('sha256');
    let deadlineMs = performance.now() + MAX_DELAY_MS;
    for await (const chunk of readBytes(send, object)) {
      sha256.update(chunk);
      deadlineMs += chunk.length / MIN_HASHED_BYTES_PER_MS;
      if (performance.now() > deadlineMs)
        throw unavailable('storage', new Error('GetObject sends its bytes too slowly'));
    }
    return sha256.digest('base64');
  }

  return (object, by) => {
    const id = `${object.key} ${object.etag} ${object.versionId}`;
    const known = running.get(id) ?? slots.run(by, () => hash(object)).finally(() => running.delete(id));
    running.set(id, known);
    return known;
  };
}
