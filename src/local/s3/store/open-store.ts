import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { listBucketNames } from './buckets.ts';
import { syncDirectory } from './durable-files.ts';
import { endRemoval } from './remove-bucket.ts';
import { sweepOrphans } from './sweep-orphans.ts';
import type { Versioning } from './versioning.ts';

/**
 * The buckets on disk:
 *
 * ```
 * incoming/                       what is being written; emptied at start
 * buckets/<name>/bucket.json      when it was made
 * buckets/<name>/cors.json        a setting of the bucket
 * buckets/<name>/objects/<sha256 of the key>.json                   the current object
 * buckets/<name>/versions/<sha256 of the key>/<version id>.json     older versions and delete markers
 * buckets/<name>/uploads/<upload id>/upload.json
 * buckets/<name>/uploads/<upload id>/<part number>.json
 * buckets/<name>/data/<uuid>      the bytes of one object or part, never changed
 * ```
 *
 * The record in `objects` names its key and its data files; publishing the record is the one point where an object
 * appears, changes or goes. Keys are no file names, for the sake of disks that fold case. A step that concerns versions
 * writes in `versions` first and in `objects` last, or the other way where a version comes back: `readVersions` says what
 * counts in between.
 */
export type Store = {
  directory: string;
  incoming: string;
  /** The last writer in line for each record, by the record's path. */
  writers: Map<string, Promise<unknown>>;
  /** Data files that are being read, by the name of a record's first one; doomed ones go with their last reader. */
  readers: Map<string, { count: number; isDoomed: boolean }>;
  /** By bucket, the keys of its records as last listed, by the record's file name: one key, one name, for ever. */
  keys: Map<string, ReadonlyMap<string, string>>;
  /** By bucket, whether it keeps versions, once that was asked. */
  versioning: Map<string, Versioning>;
};

/** Opens or makes the store in `directory` and sweeps what a crash left behind. */
export async function openStore(directory: string): Promise<Store> {
  const incoming = join(directory, 'incoming');
  const memory = { writers: new Map(), readers: new Map(), keys: new Map(), versioning: new Map() };
  const store: Store = { directory, incoming, ...memory };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Made by an earlier build, or by somebody else's mkdir: what lies in it is its owner's alone.
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
    if (entries.includes('objects')) await sweepOrphans(bucketDirectory);
    else await endRemoval(store, name);
  }
  return store;
}
