import { join } from 'node:path';
import { sortKeys, withChanges } from '../listing/sorted-keys.ts';
import { requireBucket } from './buckets.ts';
import { folderChangedAt } from './change-records.ts';
import { mapInBatches, readIfPresent } from './durable-files.ts';
import { parseRecord } from './object-record.ts';
import { readNames } from './read-names.ts';
import { recordName, recordsFolder } from './record-path.ts';
import type { Store } from './store.ts';

type SortedKeys = readonly { key: string }[];

/**
 * The keys of a bucket's objects, in the order of a listing. They are read once, when the store is opened. Since then,
 * this process notes what it changes (`change-records.ts`). Only if another process has changed the folder, its names
 * are read again, and the records of new names. Throws NoSuchBucket.
 */
export async function listKeys(store: Store, bucket: string): Promise<SortedKeys> {
  await requireBucket(store, bucket);
  const changedAt = folderChangedAt(store, bucket);
  const listed = store.keys.get(bucket);
  if (listed?.changedAt !== changedAt) {
    return rememberKeys(store, bucket, changedAt, readKeys(recordsFolder(store, bucket), listed?.sorted));
  }
  const { sorted, changes } = listed;
  if (changes.size > 0) {
    listed.changes = new Map();
    listed.sorted = sorted.then((keys) => withChanges(keys, changes));
  }
  return listed.sorted;
}

/**
 * Remembers the keys for later listings.
 * @param changedAt `folderChangedAt` before their names were read.
 */
export function rememberKeys(
  store: Store,
  bucket: string,
  changedAt: bigint,
  keys: Promise<string[]>,
): Promise<SortedKeys> {
  const sorted = keys.then((read) => sortKeys(read).map((key) => ({ key })));
  const listed = { sorted, changes: new Map<string, boolean>(), changedAt };
  store.keys.set(bucket, listed);
  sorted.catch(() => {
    if (store.keys.get(bucket) === listed) store.keys.delete(bucket);
  });
  return sorted;
}

/** Reads the folder's names, and the records of those that are not known. */
async function readKeys(folder: string, known: Promise<SortedKeys> | undefined): Promise<string[]> {
  const keyOf = new Map((await known)?.map(({ key }) => [recordName(key), key]));
  const keys = await mapInBatches(await readNames(folder, 'record'), async (name) => {
    return keyOf.get(name) ?? readKey(join(folder, name));
  });
  return keys.filter((key) => key !== null);
}

async function readKey(path: string): Promise<string | null> {
  const text = await readIfPresent(path);
  return text === null ? null : parseRecord(text).key;
}
