import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { S3Error } from '../s3-error.ts';
import { bucketDirectory, requireBucket } from './buckets.ts';
import { hasCode, syncDirectory } from './durable-files.ts';
import type { Store } from './open-store.ts';
import { readNames } from './read-names.ts';

/**
 * Removes a bucket that has no object. The one step that counts is to remove the folder of its records, which only an empty
 * one lets happen: an object that is stored meanwhile is either in it before, or in no bucket any more. What a crash leaves
 * of the rest the next start removes. Throws NoSuchBucket and BucketNotEmpty.
 */
export async function removeBucket(store: Store, bucket: string): Promise<void> {
  await requireBucket(store, bucket);
  const directory = bucketDirectory(store, bucket);
  const records = join(directory, 'objects');
  if ((await readNames(records, 'record')).length > 0) throw notEmpty(bucket);
  // Such as a .DS_Store.
  for (const stray of await readdir(records)) await rm(join(records, stray), { recursive: true, force: true });
  try {
    await rmdir(records);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new S3Error('NoSuchBucket', undefined, { BucketName: bucket });
    throw hasCode(error, 'ENOTEMPTY', 'EEXIST') ? notEmpty(bucket) : error;
  }
  store.keys.delete(bucket);
  await discardDirectory(store.incoming, directory);
}

/** Moves a folder away in one step, and removes it; what is left of that the next start removes. */
export async function discardDirectory(incoming: string, directory: string): Promise<void> {
  const temporary = join(incoming, randomUUID());
  await rename(directory, temporary);
  await syncDirectory(dirname(directory));
  await rm(temporary, { recursive: true, force: true });
}

function notEmpty(bucket: string): S3Error {
  return new S3Error('BucketNotEmpty', undefined, { BucketName: bucket });
}
