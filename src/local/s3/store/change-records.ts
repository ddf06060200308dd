import { link, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { publishDraft, syncDirectory } from './durable-files.ts';
import type { ObjectRecord } from './object-record.ts';
import { recordPath } from './record-path.ts';
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
  await publishDraft(store.incoming, JSON.stringify(record), (draft) => (exclusive ? link : rename)(draft, path));
}

/** Removes the record of a key's object, durably; does nothing if there is none. */
export async function removeRecord(store: Store, bucket: string, key: string): Promise<void> {
  const path = recordPath(store, bucket, key);
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

/** Moves the record of a key's object to another folder, durably. */
export async function moveRecord(store: Store, bucket: string, key: string, target: string): Promise<void> {
  const path = recordPath(store, bucket, key);
  await rename(path, target);
  await syncDirectory(dirname(target));
  await syncDirectory(dirname(path));
}
