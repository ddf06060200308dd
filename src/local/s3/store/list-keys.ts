import { join } from 'node:path';
import { bucketDirectory, requireBucket } from './buckets.ts';
import { mapInBatches, readIfPresent } from './durable-files.ts';
import { parseRecord } from './object-record.ts';
import { readNames } from './read-names.ts';
import type { Store } from './store.ts';

/**
 * The keys of a bucket's objects, in no order. Each record is read once; later listings read only the directory. Throws
 * NoSuchBucket.
 */
export async function listKeys(store: Store, bucket: string): Promise<string[]> {
  await requireBucket(store, bucket);
  const directory = join(bucketDirectory(store, bucket), 'objects');
  const names = await readNames(directory, 'record');
  const known = store.keys.get(bucket);
  const keys = new Map<string, string>();
  await mapInBatches(names, async (name) => {
    const key = known?.get(name) ?? (await readKey(join(directory, name)));
    if (key !== null) keys.set(name, key);
  });
  store.keys.set(bucket, keys);
  return [...keys.values()];
}

async function readKey(path: string): Promise<string | null> {
  const text = await readIfPresent(path);
  return text === null ? null : parseRecord(text).key;
}
