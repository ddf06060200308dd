import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareKeys } from '../listing/compare-keys.ts';
import { bucketDirectory, requireBucket } from './buckets.ts';
import { mapInBatches, readIfPresent } from './durable-files.ts';
import { parseRecord } from './object-record.ts';
import { readNames } from './read-names.ts';
import type { Store } from './store.ts';

/** Some disks date a folder's last change only to two seconds. */
const SETTLED_AFTER_MS = 3_000;

/**
 * The keys of a bucket's objects, in the order of a listing. Each record is read once. A later listing reads only the
 * directory, and nothing if the directory has not changed since. Throws NoSuchBucket.
 */
export async function listKeys(store: Store, bucket: string): Promise<readonly { key: string }[]> {
  await requireBucket(store, bucket);
  const directory = join(bucketDirectory(store, bucket), 'objects');
  const known = store.keys.get(bucket);
  const { mtimeMs } = await stat(directory);
  if (known?.changedAtMs === mtimeMs) return known.sorted;
  // A change soon after the last one may get the same time, and would not be noticed.
  const changedAtMs = Date.now() - mtimeMs > SETTLED_AFTER_MS ? mtimeMs : null;
  const names = await readNames(directory, 'record');
  const byName = new Map<string, string>();
  const unread: string[] = [];
  for (const name of names) {
    const key = known?.byName.get(name);
    if (key === undefined) unread.push(name);
    else byName.set(name, key);
  }
  await mapInBatches(unread, async (name) => {
    const key = await readKey(join(directory, name));
    if (key !== null) byName.set(name, key);
  });
  const sorted = Array.from(byName.values(), (key) => ({ key })).sort((a, b) => compareKeys(a.key, b.key));
  store.keys.set(bucket, { byName, sorted, changedAtMs });
  return sorted;
}

async function readKey(path: string): Promise<string | null> {
  const text = await readIfPresent(path);
  return text === null ? null : parseRecord(text).key;
}
