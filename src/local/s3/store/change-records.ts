import { linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { publishDraft, syncDirectory } from './durable-files.ts';
import type { ObjectRecord } from './object-record.ts';
import { recordPath, recordsFolder } from './record-path.ts';
import type { Store } from './store.ts';

/**
 * Makes this the record of its key's object, atomically. Durable once the folder is synced. With `exclusive`, throws
 * EEXIST if there is one.
 */
export async function publishRecord(
  store: Store,
  bucket: string,
  record: ObjectRecord,
  exclusive: boolean,
): Promise<void> {
  const path = recordPath(store, bucket, record.key);
  await publishDraft(store.incoming, JSON.stringify(record), (draft) => {
    changeFolder(store, bucket, record.key, true, () => (exclusive ? linkSync : renameSync)(draft, path));
  });
}

/** Removes the record of a key's object, durably; does nothing if there is none. */
export async function removeRecord(store: Store, bucket: string, key: string): Promise<void> {
  const path = recordPath(store, bucket, key);
  changeFolder(store, bucket, key, false, () => rmSync(path, { force: true }));
  await syncDirectory(dirname(path));
}

/** Moves the record of a key's object to another folder, durably. */
export async function moveRecord(store: Store, bucket: string, key: string, target: string): Promise<void> {
  const path = recordPath(store, bucket, key);
  changeFolder(store, bucket, key, false, () => renameSync(path, target));
  await syncDirectory(dirname(target));
  await syncDirectory(dirname(path));
}

/** When an entry was last added to a bucket's folder of records, or removed, in nanoseconds. */
export function folderChangedAt(store: Store, bucket: string): bigint {
  return statSync(recordsFolder(store, bucket), { bigint: true }).mtimeNs;
}

/**
 * Changes the record of a key, and notes it for the next listing, which then need not read the folder. If the folder's
 * time is not the one that this process left, another process has changed it. All of it is synchronous, so that no
 * other change of this process comes in between; it takes 20 µs.
 */
function changeFolder(store: Store, bucket: string, key: string, isThere: boolean, change: () => void): void {
  const listed = store.keys.get(bucket);
  const isKnown = listed !== undefined && listed.changedAt === folderChangedAt(store, bucket);
  change();
  if (listed === undefined) return;
  listed.changes.set(key, isThere);
  listed.changedAt = isKnown ? folderChangedAt(store, bucket) : null;
}
