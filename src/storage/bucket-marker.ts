import { GetObjectCommand, PutObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import type { Sse } from '../config.ts';
import { unavailable } from '../errors.ts';
import { encryptionOf } from './encryption-of.ts';

/** A small text under one key of the bucket. All throw `storage-unavailable` as `Bucket` does. */
export type BucketMarker = ReturnType<typeof createBucketMarker>;

export function createBucketMarker(client: S3Client, bucketName: string, key: string, sse: Sse) {
  const where = { Bucket: bucketName, Key: key };
  return {
    /** What it says; null where there is none. */
    async read(): Promise<string | null> {
      try {
        const { Body } = await client.send(new GetObjectCommand(where));
        return (await Body?.transformToString()) ?? '';
      } catch (error) {
        if (error instanceof S3ServiceException && error.name === 'NoSuchKey') return null;
        throw unavailable('storage', error);
      }
    },

    async write(text: string): Promise<void> {
      try {
        await client.send(
          new PutObjectCommand({ ...where, Body: text, ContentType: 'text/plain', ...encryptionOf(sse) }),
        );
      } catch (error) {
        throw unavailable('storage', error);
      }
    },
  };
}
