import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Sse } from '../config/config.ts';
import { unavailable } from '../contract/errors.ts';
import { isCode } from './bucket-errors.ts';
import { encryptionOf } from './encryption-of.ts';

/** A small text as it was found: `etag` with its quotes, `lastModified` by the bucket's clock. */
export type FoundMarker = { text: string; etag: string; versionId: string | null; lastModified: Date };

/** A small text under one key of the bucket. All throw `storage-unavailable` as `Bucket` does. */
export type BucketMarker = ReturnType<typeof createBucketMarker>;

/** How stores want the ETag of a condition: most as they gave it, Ceph 16 without its quotes, some take none at all. */
const CONDITIONS = [
  (etag: string) => ({ IfMatch: etag }),
  (etag: string) => ({ IfMatch: etag.replaceAll('"', '') }),
  () => ({}),
] as const;

export function createBucketMarker(client: S3Client, bucketName: string, key: string, sse: Sse) {
  const where = { Bucket: bucketName, Key: key };
  let known = 0;

  async function read(): Promise<FoundMarker | null> {
    try {
      const { Body, ETag, VersionId, LastModified } = await client.send(new GetObjectCommand(where));
      if (ETag === undefined || LastModified === undefined) throw new Error('GetObject gave no object');
      const text = (await Body?.transformToString()) ?? '';
      return { text, etag: ETag, versionId: VersionId ?? null, lastModified: LastModified };
    } catch (error) {
      if (isCode(error, 'NoSuchKey')) return null;
      throw unavailable('storage', error);
    }
  }

  /** Whether the condition held; `unknown` where the store takes no such condition. */
  async function put(text: string, condition: { IfMatch?: string; IfNoneMatch?: string }) {
    const body = { Body: text, ContentType: 'application/json', ...encryptionOf(sse) };
    try {
      await client.send(new PutObjectCommand({ ...where, ...body, ...condition }));
      return true;
    } catch (error) {
      // Of two writes at once, S3 answers one with ConditionalRequestConflict.
      if (isCode(error, 'PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey')) return false;
      if (isCode(error, 'NotImplemented', 'InvalidArgument', 'InvalidRequest')) return 'unknown';
      throw unavailable('storage', error);
    }
  }

  async function remove(versionId?: string): Promise<void> {
    try {
      await client.send(new DeleteObjectCommand({ ...where, VersionId: versionId }));
    } catch (error) {
      throw unavailable('storage', error);
    }
  }

  return {
    /** What it says; null where there is none. */
    read,

    /**
     * Puts `text` in the place of what was found, or where nothing was found: only if that is still so, where the store
     * knows conditional writes (`If-Match`, `If-None-Match` of PutObject).
     * @returns false when it is not so any more, and nothing was written.
     */
    async replace(text: string, found: FoundMarker | null): Promise<boolean> {
      if (found === null) {
        const done = await put(text, { IfNoneMatch: '*' });
        return done === 'unknown' ? (await put(text, {})) === true : done;
      }
      for (; known < CONDITIONS.length; known++) {
        if ((await put(text, CONDITIONS[known]?.(found.etag) ?? {})) === true) {
          // A bucket with versions would keep one for every minute.
          if (found.versionId !== null && found.versionId !== 'null') await remove(found.versionId).catch(() => {});
          return true;
        }
        // Refused although nothing has changed: this store reads the condition in another way.
        if ((await read())?.etag !== found.etag) return false;
      }
      known = 0;
      return false;
    },

    /** Puts `text`, whatever is there. */
    async write(text: string): Promise<void> {
      await put(text, {});
    },

    /** What is not there is no error. */
    remove: () => remove(),
  };
}
