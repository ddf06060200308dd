import type { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { HeadBucketCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { Store } from '../config/slices.ts';
import { causeOf, unavailable } from '../contract/errors.ts';
import { isGone, NoKeyFits, objectChanged, refusalCode } from './bucket-errors.ts';
import { createCopier } from './create-copier.ts';
import type { S3Clients } from './create-s3-client.ts';
import { areOf, readEarly } from './early-bytes.ts';
import { type EncryptedObject, possibleKeyIds } from './encryption.ts';
import { createHasher } from './hash-objects.ts';
import { UnmarkedAnswer } from './only-the-bucket.ts';
import { type ByteRange, type ReadableObject, readBytes, readObject } from './read-object.ts';
import type { ObjectRequest, ObjectRequests } from './request-objects.ts';
import { statusOf } from './s3-failure.ts';
import {
  type FoundObject,
  metadataOf,
  type ObjectVersion,
  onlyThisVersion,
  type StoredObject,
  toStoredObject,
} from './stored-object.ts';

/** An object and its first bytes, as many as were asked for; it must not be empty. */
export type Sampled = { object: StoredObject; firstBytes: () => Promise<Uint8Array> };

type ListedKey = { Key?: string | undefined; ETag?: string | undefined };

/**
 * The domain's interface to a bucket. Every function throws the 503 `storage-unavailable` if the bucket does not
 * answer, or something else answers in its place, and `conflict` if the object changed after `head` read it.
 */
export type Bucket = ReturnType<typeof openBucket>;

/**
 * The bucket of this name.
 * @param objects sends the most frequent requests, which are on single objects; the SDK's clients send the others.
 */
export function openBucket(
  { quick, slow, probe }: S3Clients,
  objects: ObjectRequests,
  bucketName: string,
  store: Pick<Store, 'checksums' | 'sse' | 'keyPrefix' | 'encryptedCopies' | 'partCopies'>,
) {
  const checksums: Record<string, string> = store.checksums ? { 'x-amz-checksum-mode': 'ENABLED' } : {};

  /**
   * For stores whose answers without a body carry no S3 header: a listing names its bucket and prefix, so it must come
   * from the bucket.
   * @returns the first object with this prefix.
   */
  async function firstListed(client: S3Client, prefix: string): Promise<ListedKey | undefined> {
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucketName, Prefix: prefix, MaxKeys: 1 }));
    if (page.Name !== bucketName || (page.Prefix ?? '') !== prefix)
      throw new Error('the listing is not from this bucket');
    return page.Contents?.[0];
  }

  /** Resolves if the bucket answers these credentials. */
  async function ping(client = probe): Promise<void> {
    try {
      await client.send(new HeadBucketCommand({ Bucket: bucketName }));
    } catch (error) {
      if (!isUnmarked(error, 200)) throw unavailable('storage', error);
      await firstListed(client, '').catch(() => {
        throw unavailable('storage', error);
      });
    }
  }

  /** HEAD, with each key that the object may be encrypted with until one fits: usually the first. */
  async function look(key: string, versionId: string | null): Promise<FoundObject | null> {
    const keyIds = possibleKeyIds(store);
    for (const sseKeyId of keyIds) {
      const found = await lookWith({ key, sseKeyId }, versionId, keyIds.length > 1);
      if (found !== 'other-key') return found;
    }
    // A 403 may also mean that there is no such object. A listing shows no version but the latest, so it says nothing
    // of another one.
    if (versionId === null && (await isUnlisted(key))) return null;
    throw unavailable('storage', new NoKeyFits('no key of SSE_C_MASTER_KEYS opens this object'));
  }

  /**
   * A single HEAD request. Without the object's own key S3 answers 400, with another one 403 (AWS) or 400 (Ceph), and
   * 400 with a key for an object that has none.
   */
  async function lookWith(
    encrypted: EncryptedObject,
    versionId: string | null,
    hasOthers: boolean,
  ): Promise<FoundObject | 'other-key' | null> {
    const { key, sseKeyId } = encrypted;
    try {
      const query: Record<string, string> = versionId === null ? {} : { versionId };
      const { headers } = await objects.quick({ operation: 'HeadObject', ...encrypted, query, headers: checksums });
      const object = toStoredObject(encrypted, headers);
      if (object === null) throw new Error('HeadObject gave no object');
      if (sseKeyId !== null && headers['x-amz-server-side-encryption-customer-algorithm'] === undefined)
        throw new Error('the store ignores the key that an object is encrypted with');
      return object;
    } catch (error) {
      if (hasOthers && (statusOf(error) === 400 || statusOf(error) === 403)) return 'other-key';
      if (statusOf(error) === 404 || statusOf(error) === 403) return null;
      if (isUnmarked(error, 404) && versionId === null && (await isUnlisted(key))) return null;
      const object = isUnmarked(error, 200) && versionId === null ? await lookByListing(encrypted) : null;
      if (object !== null) return object;
      throw unavailable('storage', error);
    }
  }

  async function isUnlisted(key: string): Promise<boolean> {
    const listed = await firstListed(quick, key).catch(() => ({ Key: key }));
    return listed?.Key !== key;
  }

  /** An object as GET describes it; null unless the listing has one with the same ETag. */
  async function lookByListing(encrypted: EncryptedObject): Promise<FoundObject | null> {
    try {
      const { headers, body } = await objects.quick({ operation: 'GetObject', ...encrypted, headers: checksums });
      body.destroy();
      const object = toStoredObject(encrypted, headers);
      const listed = await firstListed(quick, encrypted.key);
      return object !== null && listed?.Key === object.key && listed.ETag === object.etag ? object : null;
    } catch {
      return null;
    }
  }

  async function head(key: string, versionId: string | null = null): Promise<FoundObject | null> {
    const object = await look(key, versionId);
    if (object !== null) return object;
    // HEAD has no body that names the reason: a 404 may also mean a missing bucket, and a 403 a missing key (some
    // stores, and AWS without the permission to list) or refused credentials. If the bucket answers `ping`, the key
    // is missing, unless only the first request was signed with a wrong clock or expired credentials.
    await ping(quick);
    return look(key, versionId);
  }

  /**
   * Whether the bucket has this object as its version `null`, behind a marker of an earlier deletion whose answer was
   * lost.
   */
  async function isHidden({ key, etag }: ObjectVersion): Promise<boolean> {
    const found = await look(key, 'null').catch((error: unknown) => {
      // A store without versions may refuse to look for one, as may a policy: with several keys, for each of them.
      const cause = causeOf(error);
      if (refusalCode(error) !== null || cause instanceof UnmarkedAnswer || cause instanceof NoKeyFits) return null;
      throw error;
    });
    return found?.etag === etag;
  }

  /** The first `count` bytes of an object, or all if it is shorter; it must not be empty. */
  async function firstBytes(object: StoredObject, count: number): Promise<Uint8Array> {
    const range = { start: 0, end: Math.min(count, object.sizeBytes) - 1 };
    const chunks: Uint8Array[] = [];
    for await (const chunk of readBytes(objects.quick, object, range)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  return {
    /** HEAD: the object under a key, in its latest or the given version; null if there is none. */
    head,

    /** The same, and its first bytes, which are asked for at the same time. */
    async headAndFirstBytes(key: string, count: number): Promise<Sampled | null> {
      const [likeliest = null] = possibleKeyIds(store);
      const reading = readEarly(objects.quick, { key, sseKeyId: likeliest }, count);
      // Waits for the bytes even if HEAD fails, so that nothing runs after the answer.
      const object = await head(key).finally(() => reading);
      if (object === null) return null;
      const early = await reading;
      return {
        object,
        firstBytes: async () =>
          early !== null && areOf(early, object, count) ? early.bytes : firstBytes(object, count),
      };
    },

    /**
     * Resolves if GET returns the same headers for this object as `head` did. A proxy that changes a length or a header
     * changes the two answers differently, so an object is removed for its headers only after both agree.
     */
    async affirm(object: StoredObject): Promise<void> {
      const { key, sseKeyId, sizeBytes, contentType, etag, versionId, metadata } = object;
      const { headers, body } = await objects
        .quick({
          operation: 'GetObject',
          key,
          sseKeyId,
          query: versionId === null ? {} : { versionId },
          headers: sizeBytes === 0 ? {} : { range: 'bytes=0-0' },
        })
        .catch((error: unknown) => {
          throw isGone(error) ? objectChanged(error) : unavailable('storage', error);
        });
      body.destroy();
      const size = Number(sizeBytes === 0 ? headers['content-length'] : headers['content-range']?.split('/')[1]);
      const got = [headers.etag, size, headers['content-type'] ?? '', metadataOf(headers)];
      if (isDeepStrictEqual(got, [etag, sizeBytes, contentType, metadata])) return;
      throw unavailable('storage', new Error('HEAD and GET describe the object differently'));
    },

    /** An object's bytes, or a range of them, as a stream; the reader limits the time. */
    read: (object: ReadableObject, range: ByteRange | null = null): Promise<Readable> =>
      readObject(objects.content, object, range),

    firstBytes,

    /** SHA-256 of an object's bytes; see `createHasher`. */
    sha256: createHasher(objects.hashing),

    copy: createCopier({ slow }, bucketName, { store, head }),

    /**
     * Removes this object. One that was replaced since is kept; a missing one is not an error.
     *
     * An object that was stored before its bucket kept versions is the version `null` since then, and a deletion that
     * names no version only adds a marker (S3 User Guide, "Deleting object versions from a versioning-enabled bucket").
     * Both go.
     */
    async remove(object: ObjectVersion): Promise<void> {
      const { key, versionId } = object;
      const remove = (which: Pick<ObjectRequest, 'query' | 'headers'>) =>
        objects.quick({ operation: 'DeleteObject', key, ...which });
      try {
        const left = await remove(onlyThisVersion(object)).then(
          ({ headers: { 'x-amz-delete-marker': isMarker, 'x-amz-version-id': marker = 'null' } }) =>
            versionId === null && isMarker === 'true' ? ['null', marker] : [],
          async (error: unknown) => {
            if (!isGone(error)) throw error;
            return versionId === null && (await isHidden(object)) ? ['null'] : [];
          },
        );
        for (const id of new Set(left)) await remove({ query: { versionId: id } });
      } catch (error) {
        if (!isUnmarked(error, 204)) throw unavailable('storage', error);
        await ping(quick);
      }
    },

    ping: () => ping(),
  };
}

function isUnmarked(error: unknown, status: number): boolean {
  return error instanceof UnmarkedAnswer && error.status === status;
}
