import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { listBucketNames } from './buckets.ts';
import { folderChangedAt } from './change-records.ts';
import { syncDirectory } from './durable-files.ts';
import { rememberKeys } from './list-keys.ts';
import { endRemoval } from './remove-bucket.ts';
import type { Store } from './store.ts';
import { sweepOrphans } from './sweep-orphans.ts';

/** Opens or makes the store in `directory` and sweeps what a crash left behind. */
export async function openStore(directory: string): Promise<Store> {
  const incoming = join(directory, 'incoming');
  const memory = { writers: new Map(), readers: new Map(), keys: new Map(), versioning: new Map() };
  const store: Store = { directory, incoming, ...memory };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // An existing directory may have another mode; only its owner may read it.
  await chmod(directory, 0o700).catch(() => undefined);
  await mkdir(store.incoming, { recursive: true });
  await mkdir(join(directory, 'buckets'), { recursive: true });
  await syncDirectory(directory);
  for (const name of await readdir(store.incoming)) {
    await rm(join(store.incoming, name), { recursive: true, force: true });
  }
  for (const { name } of await listBucketNames(store)) {
    const bucketDirectory = join(directory, 'buckets', name);
    const entries = await readdir(bucketDirectory);
    if (entries.includes('objects'))
      await rememberKeys(store, name, folderChangedAt(store, name), sweepOrphans(bucketDirectory));
    else await endRemoval(store, name);
  }
  return store;
}
