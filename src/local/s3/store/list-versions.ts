import { join } from 'node:path';
import { bucketDirectory } from './buckets.ts';
import { hasCode, mapInBatches } from './durable-files.ts';
import { listKeys } from './list-keys.ts';
import type { Version } from './object-record.ts';
import { readRecord } from './objects.ts';
import { readNames } from './read-names.ts';
import type { Store } from './store.ts';
import { readFolder, readVersions } from './versions.ts';

/** All versions in a bucket: keys in no order, the newest version of each key first. Throws NoSuchBucket. */
export async function listVersions(store: Store, bucket: string): Promise<Version[]> {
  const keys = new Set((await listKeys(store, bucket)).map(({ key }) => key));
  for (const key of await listKeysOfVersions(store, bucket)) keys.add(key);
  const versions = await mapInBatches([...keys], async (key) =>
    readVersions(store, bucket, key, await readRecord(store, bucket, key)),
  );
  return versions.flat();
}

/** Whether a bucket has versions or delete markers besides its current objects. */
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
