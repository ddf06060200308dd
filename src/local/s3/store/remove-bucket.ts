import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { S3Error } from '../s3-error.ts';
import { bucketDirectory, requireBucket } from './buckets.ts';
import { hasCode, syncDirectory } from './durable-files.ts';
import { hasOlderVersions } from './list-versions.ts';
import { readNames } from './read-names.ts';
import type { Store } from './store.ts';

/**
 * Removes a bucket without objects and versions. The decisive step removes the folder of its records, which must be
 * empty: an object stored meanwhile either prevents that or finds no bucket. After a crash, the next start removes the
 * rest. Throws NoSuchBucket and BucketNotEmpty.
 */
export async function removeBucket(store: Store, bucket: string): Promise<void> {
  await requireBucket(store, bucket);
  const directory = bucketDirectory(store, bucket);
  const records = join(directory, 'objects');
  if ((await readNames(records, 'record')).length > 0 || (await hasOlderVersions(store, bucket)))
    throw notEmpty(bucket);
  // Such as a .DS_Store.
  for (const stray of await readdir(records)) await rm(join(records, stray), { recursive: true, force: true });
  try {
    await rmdir(records);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new S3Error('NoSuchBucket', undefined, { BucketName: bucket });
    throw hasCode(error, 'ENOTEMPTY', 'EEXIST') ? notEmpty(bucket) : error;
  }
  if (!(await endRemoval(store, bucket))) throw notEmpty(bucket);
}

/**
 * Finishes the removal of a bucket whose records' folder is gone. If its last object has just become an older version,
 * restores the bucket and returns false.
 */
export async function endRemoval(store: Store, bucket: string): Promise<boolean> {
  const directory = bucketDirectory(store, bucket);
  if (await hasOlderVersions(store, bucket)) {
    await mkdir(join(directory, 'objects'), { recursive: true });
    return false;
  }
  store.keys.delete(bucket);
  store.versioning.delete(bucket);
  await discardDirectory(store.incoming, directory);
  return true;
}

/** Moves a folder away atomically, then removes it; after a crash, the next start removes the rest. */
export async function discardDirectory(incoming: string, directory: string): Promise<void> {
  const temporary = join(incoming, randomUUID());
  await rename(directory, temporary);
  await syncDirectory(dirname(directory));
  await rm(temporary, { recursive: true, force: true });
}

function notEmpty(bucket: string): S3Error {
  return new S3Error('BucketNotEmpty', undefined, { BucketName: bucket });
}
