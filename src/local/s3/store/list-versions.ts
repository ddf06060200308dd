import { join } from 'node:path';
import { bucketDirectory } from './buckets.ts';
import { hasCode, mapInBatches } from './durable-files.ts';
import { listKeys } from './list-keys.ts';
import type { Version } from './object-record.ts';
import { readRecord } from './objects.ts';
import { readNames } from './read-names.ts';
import type { Store } from './store.ts';
import { readFolder, readVersions } from './versions.ts';

/** The versions of a bucket's keys, in no order of keys, the newest of each first. Throws NoSuchBucket. */
export async function listVersions(store: Store, bucket: string): Promise<Version[]> {
  const keys = new Set(await listKeys(store, bucket));
  for (const key of await listKeysOfVersions(store, bucket)) keys.add(key);
  const versions = await mapInBatches([...keys], async (key) =>
    readVersions(store, bucket, key, await readRecord(store, bucket, key)),
  );
  return versions.flat();
}

/** Whether anything is among a bucket's versions but current objects. */
export async function hasOlderVersions(store: Store, bucket: string): Promise<boolean> {
  return (await listKeysOfVersions(store, bucket)).length > 0;
}

async function listKeysOfVersions(store: Store, bucket: string): Promise<string[]> {
  const directory = join(bucketDirectory(store, bucket), 'versions');
  const folders = await readNames(directory, 'key').catch((error) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const keys = await mapInBatches(folders, async (folder) => (await readFolder(join(directory, folder)))[0]?.key);
  return keys.filter((key) => key !== undefined);
}
