import { requireWriteCondition, type WriteCondition } from '../preconditions.ts';
import { S3Error } from '../s3-error.ts';
import { requireBucket } from './buckets.ts';
import { publishRecord } from './change-records.ts';
import { keepData, removeData } from './data-files.ts';
import { hasCode, syncDirectory } from './durable-files.ts';
import { isDeleteMarker, type NewRecord, NULL_VERSION, type ObjectRecord } from './object-record.ts';
import { readRecord } from './objects.ts';
import type { IncomingFile } from './open-incoming-file.ts';
import { recordPath, recordsFolder } from './record-path.ts';
import type { Store } from './store.ts';
import { readVersioning } from './versioning.ts';
import { dropVersion, keepVersion, newVersionId, readOlderVersion, settleVersions } from './versions.ts';
import { writeAlone } from './write-alone.ts';

/**
 * Makes a finished upload the object of `record.key`, atomically: data first, then the record that names it, each
 * durable before the next step. The condition is checked at that moment, with other writers of the key kept out; of
 * several `If-None-Match: *` one wins, even across processes. Throws PreconditionFailed, NoSuchKey and NoSuchBucket.
 */
export async function commitObject(
  store: Store,
  bucket: string,
  upload: IncomingFile,
  record: Omit<NewRecord, 'files' | 'uploadId'>,
  condition: WriteCondition,
): Promise<ObjectRecord> {
  return putRecord(store, bucket, record.key, condition, async (publish) => {
    const file = await keepData(store, bucket, upload);
    try {
      return await publish({ ...record, files: [file], uploadId: null });
    } catch (error) {
      await removeData(store, bucket, [file]);
      throw error;
    }
  });
}

/** `commitObject` for a record whose data files are already in the bucket; they stay there if it throws. */
export async function commitRecord(
  store: Store,
  bucket: string,
  record: NewRecord,
  condition: WriteCondition,
): Promise<ObjectRecord> {
  return putRecord(store, bucket, record.key, condition, (publish) => publish(record));
}

type Publish = (record: NewRecord) => Promise<ObjectRecord>;

/**
 * If the condition holds, publishes a new record of the key durably. In a versioned bucket, the old record is first
 * moved among the versions; otherwise its data is removed afterwards.
 */
async function putRecord(
  store: Store,
  bucket: string,
  key: string,
  condition: WriteCondition,
  commit: (publish: Publish) => Promise<ObjectRecord>,
): Promise<ObjectRecord> {
  return writeAlone(store, recordPath(store, bucket, key), async () => {
    const current = await readRecord(store, bucket, key);
    requireWriteCondition(condition, current);
    try {
      const version = await nextVersion(store, bucket, key, current);
      const isKept = current !== null && current.versionId !== version.versionId;
      if (isKept) await keepVersion(store, bucket, current);
      const committed = await commit(async (record) => {
        const numbered = { ...record, ...version };
        await publishRecord(store, bucket, numbered, condition.mustNotExist);
        return numbered;
      });
      await syncDirectory(recordsFolder(store, bucket));
      if (current !== null && !isKept) await removeData(store, bucket, current.files);
      if (version.versionId === NULL_VERSION && version.sequence > 0) await dropNullVersion(store, bucket, key);
      return committed;
    } catch (error) {
      if (hasCode(error, 'EEXIST')) throw new S3Error('PreconditionFailed');
      // The bucket may have been removed meanwhile.
      if (hasCode(error, 'ENOENT')) await requireBucket(store, bucket);
      throw error;
    }
  });
}

async function nextVersion(store: Store, bucket: string, key: string, current: ObjectRecord | null) {
  const versioning = await readVersioning(store, bucket);
  if (versioning === null) return { versionId: NULL_VERSION, sequence: 0 };
  const versionId = versioning === 'Enabled' ? newVersionId() : NULL_VERSION;
  return { versionId, sequence: (await settleVersions(store, bucket, key, current)).nextSequence };
}

/** A key has at most one null version: a new one replaces an older one. */
async function dropNullVersion(store: Store, bucket: string, key: string): Promise<void> {
  const replaced = await readOlderVersion(store, bucket, key, NULL_VERSION);
  if (replaced === null) return;
  await dropVersion(store, bucket, key, NULL_VERSION);
  if (!isDeleteMarker(replaced)) await removeData(store, bucket, replaced.files);
}
