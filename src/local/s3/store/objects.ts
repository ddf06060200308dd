import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { requireWriteCondition, type WriteCondition } from '../preconditions.ts';
import { S3Error } from '../s3-error.ts';
import { bucketDirectory, requireBucket } from './buckets.ts';
import { hasCode, publishFile, readIfPresent, removeFile, syncDirectory } from './durable-files.ts';
import { type ObjectRecord, parseRecord } from './object-record.ts';
import type { Store } from './open-store.ts';
import type { Upload } from './start-upload.ts';

/** The record of an object, or null when there is none. Throws NoSuchBucket. */
export async function readRecord(store: Store, bucket: string, key: string): Promise<ObjectRecord | null> {
  const text = await readIfPresent(recordPath(store, bucket, key));
  if (text === null) await requireBucket(store, bucket);
  return text === null ? null : parseRecord(text);
}

/**
 * The data file of a record, open for reading; it stays readable when the object is replaced or deleted meanwhile. Null
 * when that happened before it was opened.
 */
export async function openData(store: Store, bucket: string, record: ObjectRecord): Promise<FileHandle | null> {
  let handle: FileHandle;
  try {
    handle = await open(dataPath(store, bucket, record.data));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
  const { size } = await handle.stat();
  if (size === record.sizeBytes) return handle;
  await handle.close();
  throw new Error(`data file ${record.data} has ${size} bytes, its record says ${record.sizeBytes}`);
}

/**
 * Makes a finished upload the object of `record.key`, atomically: data first, then the record that names it, each
 * durable before the next step. The condition is checked at that moment, with other writers of the key kept out; of
 * several `If-None-Match: *` one wins, even across processes. Throws PreconditionFailed or NoSuchKey.
 */
export async function commitObject(
  store: Store,
  bucket: string,
  upload: Upload,
  record: Omit<ObjectRecord, 'data'>,
  condition: WriteCondition,
): Promise<void> {
  const path = recordPath(store, bucket, record.key);
  await alone(store, path, async () => {
    const current = await readRecord(store, bucket, record.key);
    requireWriteCondition(condition, current);
    const data = dataPath(store, bucket, upload.name);
    await rename(upload.path, data);
    try {
      await syncDirectory(dirname(data));
      const contents = JSON.stringify({ ...record, data: upload.name } satisfies ObjectRecord);
      await publishFile(store.incoming, path, contents, condition.mustNotExist);
    } catch (error) {
      await rm(data, { force: true });
      throw hasCode(error, 'EEXIST') ? new S3Error('PreconditionFailed') : error;
    }
    await syncDirectory(dirname(path));
    if (current !== null) await removeData(store, bucket, current);
  });
}

/** Removes an object if the condition holds; nothing happens when there is none and no condition. */
export async function removeObject(
  store: Store,
  bucket: string,
  key: string,
  condition: WriteCondition,
): Promise<void> {
  const path = recordPath(store, bucket, key);
  await alone(store, path, async () => {
    const current = await readRecord(store, bucket, key);
    requireWriteCondition(condition, current);
    if (current === null) return;
    await removeFile(path);
    await removeData(store, bucket, current);
  });
}

/** The object no longer names these bytes, so failing to remove them is not the request's failure: a sweep does. */
async function removeData(store: Store, bucket: string, record: ObjectRecord): Promise<void> {
  await rm(dataPath(store, bucket, record.data), { force: true }).catch(() => undefined);
}

/** Runs `action` after those before it on the same record have ended. */
async function alone(store: Store, path: string, action: () => Promise<void>): Promise<void> {
  const before = store.writers.get(path) ?? Promise.resolve();
  const mine = before.then(action, action);
  store.writers.set(path, mine);
  try {
    await mine;
  } finally {
    if (store.writers.get(path) === mine) store.writers.delete(path);
  }
}

function recordPath(store: Store, bucket: string, key: string): string {
  const name = createHash('sha256').update(key).digest('hex');
  return join(bucketDirectory(store, bucket), 'objects', `${name}.json`);
}

function dataPath(store: Store, bucket: string, name: string): string {
  return join(bucketDirectory(store, bucket), 'data', name);
}
