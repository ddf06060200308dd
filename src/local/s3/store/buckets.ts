import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { S3Error } from '../s3-error.ts';
import {
  hasCode,
  mapInBatches,
  OWNER_ONLY,
  publishFile,
  readIfPresent,
  removeFile,
  syncDirectory,
} from './durable-files.ts';
import type { Store } from './store.ts';

/** A sub-resource of a bucket that is kept as a file of its own. */
export type BucketSetting = 'cors' | 'lifecycle' | 'policy' | 'versioning';

/**
 * The directory of a bucket, and the only way from a name to a path. Throws InvalidBucketName unless the name follows
 * the S3 user guide, "General purpose bucket naming rules" (3 to 63 of `[a-z0-9.-]`, no `..`, no IPv4 address, no
 * reserved prefix or suffix), so no other name reaches the disk.
 */
export function bucketDirectory(store: Store, bucket: string): string {
  const valid =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) &&
    !bucket.includes('..') &&
    !/^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/.test(bucket) &&
    !/^(?:xn--|sthree-|amzn-s3-demo-)|(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(bucket);
  if (!valid) throw new S3Error('InvalidBucketName', undefined, { BucketName: bucket });
  return join(store.directory, 'buckets', bucket);
}

/** Throws NoSuchBucket. */
export async function requireBucket(store: Store, bucket: string): Promise<void> {
  try {
    // Without this folder, the bucket is being removed.
    await stat(join(bucketDirectory(store, bucket), 'objects'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new S3Error('NoSuchBucket', undefined, { BucketName: bucket });
    throw error;
  }
}

/** Creates a bucket atomically. Returns false if it exists. */
export async function makeBucket(store: Store, bucket: string, now: Date): Promise<boolean> {
  const target = bucketDirectory(store, bucket);
  const temporary = join(store.incoming, randomUUID());
  try {
    await mkdir(join(temporary, 'objects'), { recursive: true });
    await mkdir(join(temporary, 'uploads'));
    await mkdir(join(temporary, 'data'));
    await writeFile(join(temporary, 'bucket.json'), JSON.stringify({ name: bucket, createdAt: now.toISOString() }), {
      flush: true,
      mode: OWNER_ONLY,
    });
    await syncDirectory(temporary);
    await rename(temporary, target);
    await syncDirectory(dirname(target));
    return true;
  } catch (error) {
    // Windows reports EPERM where other systems report a directory that is not empty.
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST') || (hasCode(error, 'EPERM') && (await isThere(target)))) return false;
    throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** All buckets, in no order; `createdAt` is ISO 8601. */
export async function listBucketNames(store: Store): Promise<{ name: string; createdAt: string }[]> {
  const folder = join(store.directory, 'buckets');
  const buckets = await mapInBatches(await readdir(folder), async (name) => {
    const text = await readIfPresent(join(folder, name, 'bucket.json'));
    return text === null ? null : { name, createdAt: String(JSON.parse(text).createdAt) };
  });
  return buckets.filter((bucket) => bucket !== null);
}

/** A setting's contents; null if it is not set. Throws NoSuchBucket. */
export async function readSetting(store: Store, bucket: string, setting: BucketSetting): Promise<string | null> {
  await requireBucket(store, bucket);
  return readIfPresent(settingPath(store, bucket, setting));
}

/** Throws NoSuchBucket. */
export async function writeSetting(
  store: Store,
  bucket: string,
  setting: BucketSetting,
  contents: string,
): Promise<void> {
  await requireBucket(store, bucket);
  const path = settingPath(store, bucket, setting);
  await publishFile(store.incoming, path, contents);
  await syncDirectory(dirname(path));
}

/** Does nothing if it is not set. Throws NoSuchBucket. */
export async function removeSetting(store: Store, bucket: string, setting: BucketSetting): Promise<void> {
  await requireBucket(store, bucket);
  await removeFile(settingPath(store, bucket, setting));
}

function settingPath(store: Store, bucket: string, setting: BucketSetting): string {
  return join(bucketDirectory(store, bucket), `${setting}.json`);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
