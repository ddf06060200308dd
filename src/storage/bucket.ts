import { createHash } from 'node:crypto';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { Sse } from '../config.ts';
import { Problem, unavailable } from '../errors.ts';
import { encryptionOf } from './encryption-of.ts';

/**
 * What the bucket says of an object. `etag` with its quotes; `checksumSha256` base64, of an object that was put together of
 * parts the composite `<base64>-<parts>`, null where the store keeps none.
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

/** Enough of an object to mean no other. */
export type ObjectVersion = Pick<StoredObject, 'key' | 'etag' | 'versionId'>;

/**
 * What the domain asks of a bucket. Every function throws the 503 `storage-unavailable` when the bucket does not
 * answer, and `conflict` when the object changed after `head` saw it.
 */
export type Bucket = ReturnType<typeof openBucket>;

/**
 * The bucket of this name, as the client's credentials see it.
 * @param patient another client for it, which waits for what takes the bucket long.
 */
export function openBucket(client: S3Client, bucketName: string, patient: S3Client = client) {
  const at = (key: string) => ({ Bucket: bucketName, Key: key });
  /** This object and no later one under the same key. */
  const exactly = (object: ObjectVersion) => ({
    ...at(object.key),
    ...(object.versionId === null ? { IfMatch: object.etag } : { VersionId: object.versionId }),
  });

  const hashing = new Map<string, Promise<string>>();

  async function* open(object: StoredObject, range?: string): AsyncIterable<Uint8Array> {
    try {
      const { Body } = await client.send(new GetObjectCommand({ ...exactly(object), ...(range && { Range: range }) }));
      yield* (Body ?? []) as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw isChanged(error) ? changed(error) : unavailable('storage', error);
    }
  }

  async function hash(object: StoredObject): Promise<string> {
    const sha256 = createHash('sha256');
    for await (const chunk of open(object)) sha256.update(chunk);
    return sha256.digest('base64');
  }

  /** Returns when the bucket answers, and answers us. */
  async function ping(): Promise<void> {
    try {
      await client.send(new HeadBucketCommand({ Bucket: bucketName }));
    } catch (error) {
      throw unavailable('storage', error);
    }
  }

  return {
    /** HEAD: the object under a key, or null when there is none; its latest version, or the one given. */
    async head(key: string, versionId: string | null = null): Promise<StoredObject | null> {
      try {
        const which = { ...at(key), ...(versionId !== null && { VersionId: versionId }) };
        const head = await client.send(new HeadObjectCommand({ ...which, ChecksumMode: 'ENABLED' }));
        return {
          key,
          sizeBytes: head.ContentLength ?? 0,
          contentType: head.ContentType ?? '',
          contentEncoding: head.ContentEncoding ?? null,
          etag: head.ETag ?? '',
          versionId: head.VersionId === 'null' ? null : (head.VersionId ?? null),
          checksumSha256: head.ChecksumSHA256 ?? null,
          metadata: head.Metadata ?? {},
        };
      } catch (error) {
        if (!isStatus(error, 404) && !isStatus(error, 403)) throw unavailable('storage', error);
      }
      // HEAD has no body to say why: its 404 may also mean the bucket is gone, and its 403 a missing key (some stores,
      // and AWS without the right to list) or credentials that are refused. Where the bucket answers us, it is the key.
      await ping();
      return null;
    },

    /** An object's bytes, or the range of them (as a `Range` header has it), as they come. */
    async read(object: ObjectVersion, range?: string): Promise<ReadableStream> {
      try {
        const command = new GetObjectCommand({ ...exactly(object), ...(range !== undefined && { Range: range }) });
        const { Body } = await patient.send(command);
        if (Body === undefined) throw new Error('GetObject gave no body');
        return Body.transformToWebStream();
      } catch (error) {
        throw isChanged(error) ? changed(error) : unavailable('storage', error);
      }
    },

    /** The first bytes of an object, at most `count`; it must not be empty. */
    async firstBytes(object: StoredObject, count: number): Promise<Uint8Array> {
      const chunks: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const chunk of open(object, `bytes=0-${count - 1}`)) {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        // A store that ignores the range would send all of it.
        if (sizeBytes >= count) break;
      }
      return Buffer.concat(chunks).subarray(0, count);
    },

    /**
     * SHA-256 (base64) of an object's bytes, read as a stream: for stores that keep no checksum of their own. Callers at
     * the same time share one reading.
     */
    sha256(object: StoredObject): Promise<string> {
      const id = `${object.key} ${object.etag} ${object.versionId}`;
      const running = hashing.get(id) ?? hash(object).finally(() => hashing.delete(id));
      hashing.set(id, running);
      return running;
    },

    /**
     * Copies this object, its type and its metadata to another key, within the bucket, at most 5 GiB: CopyObject,
     * conditional on the ETag that `head` saw.
     * @returns the copy's ETag and version.
     */
    async copy(object: StoredObject, toKey: string, sse: Sse): Promise<{ etag: string; versionId: string | null }> {
      const source = object.key.split('/').map(encodeURIComponent).join('/');
      const version = object.versionId === null ? '' : `?versionId=${encodeURIComponent(object.versionId)}`;
      try {
        const { CopyObjectResult, VersionId } = await patient.send(
          new CopyObjectCommand({
            ...at(toKey),
            CopySource: `${bucketName}/${source}${version}`,
            CopySourceIfMatch: object.etag,
            ...encryptionOf(sse),
          }),
        );
        // Ceph leaves the quotes out here.
        const etag = CopyObjectResult?.ETag?.replace(/^"?(.*?)"?$/, '"$1"') ?? object.etag;
        return { etag, versionId: VersionId ?? null };
      } catch (error) {
        throw isChanged(error) ? changed(error) : unavailable('storage', error);
      }
    },

    /** Removes this object; one that was replaced since is left alone, one that is gone is no error. */
    async remove(object: ObjectVersion): Promise<void> {
      try {
        await client.send(new DeleteObjectCommand(exactly(object)));
      } catch (error) {
        if (!isChanged(error)) throw unavailable('storage', error);
      }
    },

    ping,
  };
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}

function isChanged(error: unknown): boolean {
  return isStatus(error, 404) || isStatus(error, 412);
}

function changed(cause: unknown): Problem {
  return new Problem('conflict', 'the object changed while it was being verified; confirm it again', { cause });
}
