import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { Sse } from '../config/slices.ts';
import type { StoreTraits } from '../config/store-traits.ts';
import { busy, unavailable } from '../contract/errors.ts';
import { createSlots } from '../net/slots.ts';
import { isGone, objectChanged } from './bucket-errors.ts';
import { MAX_HASHED, type S3Clients, SLOW_WITHIN_MS } from './create-s3-client.ts';
import { encryptionOf } from './encryption.ts';
import { UnmarkedAnswer } from './only-the-bucket.ts';
import { onlyThisVersion, type ReadableObject, readBytes, readObject, type Stretch } from './read-object.ts';

/**
 * An object as the bucket describes it. `etag` with its quotes; `checksumSha256` in base64, for a multipart upload the
 * composite `<base64>-<parts>`, null if the store keeps none.
 */
export type StoredObject = {
  key: string;
  sizeBytes: number;
  contentType: string;
  contentEncoding: string | null;
  etag: string;
  versionId: string | null;
  checksumSha256: string | null;
  metadata: Readonly<Record<string, string>>;
};

/** Identifies one version of an object. */
export type ObjectVersion = Pick<StoredObject, 'key' | 'etag' | 'versionId'>;

/** How long hashing an object waits for its turn. */
const HASHING_WITHIN_MS = 10_000;

/** The minimum rate at which an object is hashed, and how far it may fall behind. */
const MIN_HASHED_BYTES_PER_MS = 128;
const MAX_DELAY_MS = 10_000;

/**
 * The domain's interface to a bucket. Every function throws the 503 `storage-unavailable` if the bucket does not
 * answer, or something else answers in its place, and `conflict` if the object changed after `head` read it.
 */
export type Bucket = ReturnType<typeof openBucket>;

/** The bucket of this name, accessed with the clients' credentials. */
export function openBucket(clients: S3Clients, bucketName: string, store: Pick<StoreTraits, 'checksums'>) {
  const { quick, slow, content, hashing, probe } = clients;
  const at = (key: string) => ({ Bucket: bucketName, Key: key });
  const hashingSlots = createSlots({
    inAll: MAX_HASHED,
    waitMs: HASHING_WITHIN_MS,
    refuse: () => busy('too many files are waiting to be hashed'),
  });
  const running = new Map<string, Promise<string>>();

  async function hash(object: StoredObject): Promise<string> {
    const sha256 = createHash('sha256');
    let deadlineMs = performance.now() + MAX_DELAY_MS;
    for await (const chunk of readBytes(hashing, bucketName, object)) {
      sha256.update(chunk);
      deadlineMs += chunk.length / MIN_HASHED_BYTES_PER_MS;
      if (performance.now() > deadlineMs)
        throw unavailable('storage', new Error('GetObject sends its bytes too slowly'));
    }
    return sha256.digest('base64');
  }

  /**
   * For stores whose answers without a body carry no S3 header: a listing names its bucket and prefix, so it must come
   * from the bucket.
   * @returns the first key with this prefix.
   */
  async function firstListed(client: S3Client, prefix: string): Promise<string | undefined> {
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucketName, Prefix: prefix, MaxKeys: 1 }));
    if (page.Name !== bucketName || (page.Prefix ?? '') !== prefix)
      throw new Error('the listing is not from this bucket');
    return page.Contents?.[0]?.Key;
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

  /** A single HEAD request. */
  async function look(key: string, versionId: string | null): Promise<StoredObject | null> {
    try {
      const which = { ...at(key), ...(versionId !== null && { VersionId: versionId }) };
      const head = await quick.send(
        new HeadObjectCommand({ ...which, ...(store.checksums && { ChecksumMode: 'ENABLED' }) }),
      );
      if (head.ETag === undefined || head.ContentLength === undefined) throw new Error('HeadObject gave no object');
      return {
        key,
        sizeBytes: head.ContentLength,
        contentType: head.ContentType ?? '',
        contentEncoding: head.ContentEncoding ?? null,
        etag: head.ETag,
        versionId: head.VersionId === 'null' ? null : (head.VersionId ?? null),
        checksumSha256: head.ChecksumSHA256 ?? null,
        metadata: head.Metadata ?? {},
      };
    } catch (error) {
      if (isStatus(error, 404) || isStatus(error, 403)) return null;
      if (isUnmarked(error, 404)) {
        const listed = await firstListed(quick, key).catch(() => key);
        if (listed !== key) return null;
      }
      throw unavailable('storage', error);
    }
  }

  return {
    /** HEAD: the object under a key, in its latest or the given version; null if there is none. */
    async head(key: string, versionId: string | null = null): Promise<StoredObject | null> {
      const object = await look(key, versionId);
      if (object !== null) return object;
      // HEAD has no body that names the reason: a 404 may also mean a missing bucket, and a 403 a missing key (some
      // stores, and AWS without the permission to list) or refused credentials. If the bucket answers `ping`, the key
      // is missing, unless only the first request was signed with a wrong clock or expired credentials.
      await ping(quick);
      return look(key, versionId);
    },

    /**
     * Resolves if GET returns the same headers for this object as `head` did. A proxy that changes a length or a header
     * changes the two answers differently, so an object is removed for its headers only after both agree.
     */
    async affirm(object: StoredObject): Promise<void> {
      const { key, sizeBytes, contentType, etag, versionId, metadata } = object;
      const command = new GetObjectCommand({
        ...{ ...at(key), ...(versionId !== null && { VersionId: versionId }) },
        ...(sizeBytes > 0 && { Range: 'bytes=0-0' }),
      });
      const answer = await quick.send(command).catch((error: unknown) => {
        throw isGone(error) ? objectChanged(error) : unavailable('storage', error);
      });
      if (answer.Body instanceof Readable) answer.Body.destroy();
      const size = sizeBytes > 0 ? Number(answer.ContentRange?.split('/')[1]) : answer.ContentLength;
      const got = [answer.ETag, size, answer.ContentType ?? '', answer.Metadata ?? {}];
      if (isDeepStrictEqual(got, [etag, sizeBytes, contentType, metadata])) return;
      throw unavailable('storage', new Error('HEAD and GET describe the object differently'));
    },

    /** An object's bytes, or a range of them, as a stream; the reader limits the time. */
    read: (object: ReadableObject, stretch: Stretch | null = null): Promise<Readable> =>
      readObject(content, bucketName, object, stretch),

    /** The first `count` bytes of an object, or all if it is shorter; it must not be empty. */
    async firstBytes(object: StoredObject, count: number): Promise<Uint8Array> {
      const stretch = { start: 0, end: Math.min(count, object.sizeBytes) - 1 };
      const chunks: Uint8Array[] = [];
      for await (const chunk of readBytes(quick, bucketName, object, stretch)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },

    /**
     * SHA-256 (base64) of an object's bytes, read as a stream: for stores that keep no checksums. Concurrent callers
     * share one read; two objects are read at once, the others wait.
     * @param by the user; users without a running read come first.
     */
    sha256(object: StoredObject, by: string): Promise<string> {
      const id = `${object.key} ${object.etag} ${object.versionId}`;
      const known = running.get(id) ?? hashingSlots.run(by, () => hash(object)).finally(() => running.delete(id));
      running.set(id, known);
      return known;
    },

    /**
     * CopyObject: copies this object to another key of the bucket, at most 5 GiB, on condition that the ETag is the one
     * that `head` read.
     * @param instead the copy's type and metadata. Default: the object's own.
     * @returns the copy's ETag and version.
     */
    async copy(
      object: StoredObject,
      toKey: string,
      sse: Sse,
      instead?: Pick<StoredObject, 'contentType' | 'metadata'>,
    ): Promise<{ etag: string; versionId: string | null }> {
      const source = object.key.split('/').map(encodeURIComponent).join('/');
      const version = object.versionId === null ? '' : `?versionId=${encodeURIComponent(object.versionId)}`;
      const command = new CopyObjectCommand({
        ...at(toKey),
        CopySource: `${bucketName}/${source}${version}`,
        CopySourceIfMatch: object.etag,
        ...encryptionOf(sse),
        ...(instead && {
          ...{ MetadataDirective: 'REPLACE', ContentType: instead.contentType, Metadata: { ...instead.metadata } },
        }),
      });
      try {
        const { CopyObjectResult, VersionId } = await slow.send(command, {
          abortSignal: AbortSignal.timeout(SLOW_WITHIN_MS),
        });
        if (CopyObjectResult?.ETag === undefined) throw new Error('CopyObject gave no object');
        // Ceph omits the quotes here.
        return { etag: CopyObjectResult.ETag.replace(/^"?(.*?)"?$/, '"$1"'), versionId: VersionId ?? null };
      } catch (error) {
        throw isGone(error) ? objectChanged(error) : unavailable('storage', error);
      }
    },

    /** Removes this object. One that was replaced since is kept; a missing one is not an error. */
    async remove(object: ObjectVersion): Promise<void> {
      try {
        await quick.send(new DeleteObjectCommand({ Bucket: bucketName, ...onlyThisVersion(object) }));
      } catch (error) {
        if (isGone(error)) return;
        if (!isUnmarked(error, 204)) throw unavailable('storage', error);
        await ping(quick);
      }
    },

    ping: () => ping(),
  };
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}

function isUnmarked(error: unknown, status: number): boolean {
  return error instanceof UnmarkedAnswer && error.status === status;
}
