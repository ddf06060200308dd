import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Store } from '../config/slices.ts';
import { throwUnavailable, unavailable } from '../contract/errors.ts';
import { isCode } from './bucket-errors.ts';
import { encryptionOf } from './encryption.ts';
import { toVersionId } from './stored-object.ts';

/** A small text as read; `etag` with its quotes, `lastModified` by the bucket's clock. */
export type FoundMarker = { text: string; etag: string; versionId: string | null; lastModified: Date };

/**
 * A small text under one key of the bucket. It is encrypted like new objects, but with SSE-C as the bucket's default
 * says: other tools must be able to read whose bucket it is. All functions throw `storage-unavailable` as `Bucket`
 * does.
 */
export type BucketMarker = ReturnType<typeof createBucketMarker>;

/** How a store expects the ETag in a condition: most as they sent it, Ceph 16 without quotes, some not at all. */
const CONDITIONS = [
  (etag: string) => ({ IfMatch: etag }),
  (etag: string) => ({ IfMatch: etag.replaceAll('"', '') }),
  () => ({}),
] as const;

export function createBucketMarker(
  client: S3Client,
  bucketName: string,
  key: string,
  store: Pick<Store, 'sse' | 'keyPrefix'>,
) {
  const where = { Bucket: bucketName, Key: key };
  let conditionIndex = 0;

  async function read(): Promise<FoundMarker | null> {
    try {
      const { Body, ETag, VersionId, LastModified } = await client.send(new GetObjectCommand(where));
      if (ETag === undefined || LastModified === undefined) throw new Error('GetObject gave no object');
      const text = (await Body?.transformToString()) ?? '';
      return { text, etag: ETag, versionId: toVersionId(VersionId), lastModified: LastModified };
    } catch (error) {
      if (isCode(error, 'NoSuchKey')) return null;
      throw unavailable('storage', error);
    }
  }

  /** Whether the condition held; `unknown` if the store does not support it. Without one, throws whatever fails. */
  async function put(text: string, condition: { IfMatch?: string; IfNoneMatch?: string }) {
    const body = { Body: text, ContentType: 'application/json', ...encryptionOf(store, key, null) };
    try {
      await client.send(new PutObjectCommand({ ...where, ...body, ...condition }));
      return true;
    } catch (error) {
      if (Object.keys(condition).length === 0) throw unavailable('storage', error);
      // S3 answers one of two simultaneous writes with ConditionalRequestConflict.
      if (isCode(error, 'PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey')) return false;
      if (isCode(error, 'NotImplemented', 'InvalidArgument', 'InvalidRequest')) return 'unknown';
      throw unavailable('storage', error);
    }
  }

  async function remove(versionId?: string): Promise<void> {
    const command = new DeleteObjectCommand({ ...where, VersionId: versionId });
    await client.send(command).catch(throwUnavailable('storage'));
  }

  return {
    /** The text; null if there is no object. */
    read,

    /**
     * Replaces the text that was read, or creates it if there was none: only if it has not changed, where the store
     * supports conditional writes (`If-Match`, `If-None-Match` of PutObject).
     * @returns false if it has changed; then nothing was written.
     */
    async replace(text: string, found: FoundMarker | null): Promise<boolean> {
      if (found === null) {
        const done = await put(text, { IfNoneMatch: '*' });
        return done === 'unknown' ? (await put(text, {})) === true : done;
      }
      for (; conditionIndex < CONDITIONS.length; conditionIndex++) {
        if ((await put(text, CONDITIONS[conditionIndex]?.(found.etag) ?? {})) === true) {
          // A versioned bucket would keep a version for every minute.
          if (found.versionId !== null) await remove(found.versionId).catch(() => {});
          return true;
        }
        // Refused although nothing has changed: this store reads the condition differently.
        if ((await read())?.etag !== found.etag) return false;
      }
      conditionIndex = 0;
      return false;
    },

    /** Writes `text` unconditionally. */
    async write(text: string): Promise<void> {
      await put(text, {});
    },

    /** A missing object is not an error. */
    remove: () => remove(),
  };
}
