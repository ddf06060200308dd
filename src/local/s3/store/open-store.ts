import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfPresent, syncDirectory } from './durable-files.ts';
import { parseRecord } from './object-record.ts';

/**
 * The buckets on disk:
 *
 * ```
 * incoming/                       what is being written; emptied at start
 * buckets/<name>/bucket.json      when it was made
 * buckets/<name>/cors.json        a setting of the bucket
 * buckets/<name>/objects/<sha256 of the key>.json
 * buckets/<name>/data/<uuid>      the bytes of one object, never changed
 * ```
 *
 * The record in `objects` names its key and its data file; publishing the record is the one point where an object
 * appears, changes or goes. Keys are no file names, for the sake of disks that fold case.
 */
export type Store = {
  directory: string;
  incoming: string;
  /** The last writer in line for each record, by the record's path. */
  writers: Map<string, Promise<unknown>>;
};

/**
 * How long a data file without a record is left alone, in milliseconds. Such a file is a crash's, or about to get its
 * record from another process on the same directory.
 */
const ORPHAN_AGE_MILLISECONDS = 10 * 60 * 1000;

/** Opens or makes the store in `directory` and sweeps what a crash left behind. */
export async function openStore(directory: string): Promise<Store> {
  const store = { directory, incoming: join(directory, 'incoming'), writers: new Map() };
  await mkdir(store.incoming, { recursive: true });
  await mkdir(join(directory, 'buckets'), { recursive: true });
  await syncDirectory(directory);
  for (const name of await readdir(store.incoming)) {
    await rm(join(store.incoming, name), { recursive: true, force: true });
  }
  for (const entry of await readdir(join(directory, 'buckets'), { withFileTypes: true })) {
    if (entry.isDirectory()) await sweepOrphans(join(directory, 'buckets', entry.name));
  }
  return store;
}

async function sweepOrphans(bucketDirectory: string): Promise<void> {
  // The data files are listed first: a file listed here and still unnamed by any record below has none.
  const dataFiles = await readdir(join(bucketDirectory, 'data'));
  const named = new Set<string>();
  for (const name of await readdir(join(bucketDirectory, 'objects'))) {
    const text = await readIfPresent(join(bucketDirectory, 'objects', name));
    if (text !== null) named.add(parseRecord(text).data);
  }
  for (const name of dataFiles.filter((file) => !named.has(file))) {
    const path = join(bucketDirectory, 'data', name);
    const modifiedAt = await stat(path).then(
      (stats) => stats.mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - modifiedAt > ORPHAN_AGE_MILLISECONDS) await rm(path, { force: true });
  }
}
