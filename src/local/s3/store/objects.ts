import type { ByteRange } from '../byte-range.ts';
import type { CustomerKey } from '../encryption/key-of-request.ts';
import { S3Error } from '../s3-error.ts';
import { requireBucket } from './buckets.ts';
import { publishRecord } from './change-records.ts';
import { type DataReader, openData } from './data-files.ts';
import { readIfPresent, syncDirectory } from './durable-files.ts';
import { isDeleteMarker, type ObjectRecord, parseRecord, type Tag } from './object-record.ts';
import { recordPath, recordsFolder } from './record-path.ts';
import type { Store } from './store.ts';
import { keepVersion, readOlderVersion, readVersions, requireVersionId } from './versions.ts';
import { writeAlone } from './write-alone.ts';

/** The record of a key's object; null if there is none. Throws NoSuchBucket. */
export async function readRecord(store: Store, bucket: string, key: string): Promise<ObjectRecord | null> {
  const text = await readIfPresent(recordPath(store, bucket, key));
  if (text === null) await requireBucket(store, bucket);
  return text === null ? null : parseRecord(text);
}

/**
 * The record of a key's object, or of a version of it. Throws NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete
 * marker, InvalidArgument for an invalid version id, and NoSuchBucket.
 */
export async function requireRecord(
  store: Store,
  bucket: string,
  key: string,
  versionId: string | null,
): Promise<ObjectRecord> {
  if (versionId !== null) requireVersionId(versionId);
  const current = await readRecord(store, bucket, key);
  if (versionId === null) {
    if (current !== null) return current;
    const [latest] = await readVersions(store, bucket, key, null);
    throw new S3Error(
      'NoSuchKey',
      undefined,
      { Key: key },
      latest === undefined ? [] : markerHeaders(latest.versionId),
    );
  }
  if (current?.versionId === versionId) return current;
  const older = await readOlderVersion(store, bucket, key, versionId);
  if (older === null) throw new S3Error('NoSuchVersion', undefined, { Key: key, VersionId: versionId });
  if (!isDeleteMarker(older)) return older;
  const headers = [...markerHeaders(versionId), ['allow', 'DELETE'] as const];
  throw new S3Error('MethodNotAllowed', undefined, { ResourceType: 'DeleteMarker' }, headers);
}

/**
 * Describes an object, or a version of it, and opens its bytes in the range of the description, with its key. Calls
 * `describe` again if the object is replaced between the two steps. Throws the errors of `requireRecord`.
 */
export async function openObject<Description extends { range: ByteRange | null; key: CustomerKey | null }>(
  store: Store,
  bucket: string,
  { key, versionId }: { key: string; versionId: string | null },
  describe: (record: ObjectRecord) => Description,
): Promise<{ description: Description; record: ObjectRecord; data: DataReader | null }> {
  let lostFile: string | undefined;
  for (;;) {
    const record = await requireRecord(store, bucket, key, versionId);
    const description = describe(record);
    if (description.range === null) return { description, record, data: null };
    const data = await openData(store, bucket, record.files, description.range, description.key?.bytes);
    if (data !== null) return { description, record, data };
    const file = record.files[0]?.name;
    if (file === lostFile) throw new Error(`data file ${file} is missing`);
    lostFile = file;
  }
}

/** Changes the tags of an object, or of a version of it, and nothing else. Throws the errors of `requireRecord`. */
export async function replaceTags(
  store: Store,
  bucket: string,
  { key, versionId }: { key: string; versionId: string | null },
  tags: Tag[],
): Promise<ObjectRecord> {
  return writeAlone(store, recordPath(store, bucket, key), async () => {
    const record = await requireRecord(store, bucket, key, versionId);
    const tagged = { ...record, tags };
    const isCurrent = (await readRecord(store, bucket, key))?.versionId === record.versionId;
    if (isCurrent) {
      await publishRecord(store, bucket, tagged, false);
      await syncDirectory(recordsFolder(store, bucket));
    } else {
      await keepVersion(store, bucket, tagged);
    }
    return record;
  });
}

function markerHeaders(versionId: string): [string, string][] {
  return [
    ['x-amz-delete-marker', 'true'],
    ['x-amz-version-id', versionId],
  ];
}
