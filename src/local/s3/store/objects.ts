import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { ByteRange } from '../byte-range.ts';
import { requireWriteCondition, type WriteCondition } from '../preconditions.ts';
import { S3Error } from '../s3-error.ts';
import { bucketDirectory, requireBucket } from './buckets.ts';
import { type DataReader, keepData, openData, removeData } from './data-files.ts';
import { hasCode, publishFile, readIfPresent, removeFile, syncDirectory } from './durable-files.ts';
import { type ObjectRecord, parseRecord, type Tag } from './object-record.ts';
import type { Store } from './open-store.ts';
import type { Upload } from './start-upload.ts';
import { writeAlone } from './write-alone.ts';

/** The record of an object, or null when there is none. Throws NoSuchBucket. */
export async function readRecord(store: Store, bucket: string, key: string): Promise<ObjectRecord | null> {
  const text = await readIfPresent(recordPath(store, bucket, key));
  if (text === null) await requireBucket(store, bucket);
  return text === null ? null : parseRecord(text);
}

/**
 * The object of a key, described, and its bytes in the range that the description asks for, open for reading. `describe`
 * runs again when the object is replaced between the two. Throws NoSuchKey and NoSuchBucket.
 */
export async function openObject<Description extends { range: ByteRange | null }>(
  store: Store,
  bucket: string,
  key: string,
  describe: (record: ObjectRecord) => Description,
): Promise<{ description: Description; record: ObjectRecord; data: DataReader | null }> {
  let lostFile: string | undefined;
  for (;;) {
    const record = await readRecord(store, bucket, key);
    if (record === null) throw new S3Error('NoSuchKey');
    const description = describe(record);
    if (description.range === null) return { description, record, data: null };
    const data = await openData(store, bucket, record.files, description.range);
    if (data !== null) return { description, record, data };
    const file = record.files[0]?.name;
    if (file === lostFile) throw new Error(`data file ${file} is missing`);
    lostFile = file;
  }
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
  record: Omit<ObjectRecord, 'files' | 'uploadId'>,
  condition: WriteCondition,
): Promise<void> {
  await replaceObject(store, bucket, record.key, condition, async (path) => {
    const file = await keepData(store, bucket, upload);
    try {
      await publishRecord(store, path, { ...record, files: [file], uploadId: null }, condition);
    } catch (error) {
      await removeData(store, bucket, [file]);
      throw error;
    }
  });
}

/** `commitObject` for a record whose data files are in the bucket already; where it throws, they stay. */
export async function commitRecord(
  store: Store,
  bucket: string,
  record: ObjectRecord,
  condition: WriteCondition,
): Promise<void> {
  await replaceObject(store, bucket, record.key, condition, (path) => publishRecord(store, path, record, condition));
}

/** Where the condition holds, publishes a new record of the key, makes that durable, then removes the old one's data. */
async function replaceObject(
  store: Store,
  bucket: string,
  key: string,
  condition: WriteCondition,
  publish: (path: string) => Promise<void>,
): Promise<void> {
  const path = recordPath(store, bucket, key);
  await writeAlone(store, path, async () => {
    const current = await readRecord(store, bucket, key);
    requireWriteCondition(condition, current);
    await publish(path);
    await syncDirectory(dirname(path));
    if (current !== null) await removeData(store, bucket, current.files);
  });
}

/** Changes an object's tags and nothing else. Throws NoSuchKey. */
export async function replaceTags(store: Store, bucket: string, key: string, tags: Tag[]): Promise<void> {
  const path = recordPath(store, bucket, key);
  await writeAlone(store, path, async () => {
    const current = await readRecord(store, bucket, key);
    if (current === null) throw new S3Error('NoSuchKey');
    await publishFile(store.incoming, path, JSON.stringify({ ...current, tags } satisfies ObjectRecord), false);
    await syncDirectory(dirname(path));
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
  await writeAlone(store, path, async () => {
    const current = await readRecord(store, bucket, key);
    requireWriteCondition(condition, current);
    if (current === null) return;
    await removeFile(path);
    await removeData(store, bucket, current.files);
  });
}

async function publishRecord(
  store: Store,
  path: string,
  record: ObjectRecord,
  { mustNotExist }: WriteCondition,
): Promise<void> {
  try {
    await publishFile(store.incoming, path, JSON.stringify(record), mustNotExist);
  } catch (error) {
    throw hasCode(error, 'EEXIST') ? new S3Error('PreconditionFailed') : error;
  }
}

function recordPath(store: Store, bucket: string, key: string): string {
  const name = createHash('sha256').update(key).digest('hex');
  return join(bucketDirectory(store, bucket), 'objects', `${name}.json`);
}
