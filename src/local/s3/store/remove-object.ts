import { requireWriteCondition, type WriteCondition } from '../preconditions.ts';
import { moveRecord, publishRecord, removeRecord } from './change-records.ts';
import { removeData } from './data-files.ts';
import { syncDirectory } from './durable-files.ts';
import { isDeleteMarker, NULL_VERSION, type ObjectRecord, type Version } from './object-record.ts';
import { readRecord } from './objects.ts';
import { recordPath, recordsFolder } from './record-path.ts';
import type { Store } from './store.ts';
import { readVersioning } from './versioning.ts';
import {
  dropVersion,
  keepVersion,
  newVersionId,
  readOlderVersion,
  requireVersionId,
  settleVersions,
  versionPath,
} from './versions.ts';
import { writeAlone } from './write-alone.ts';

/** What a deletion did: which version it removed, or which marker it created; null if the bucket keeps no versions. */
export type Removal = { versionId: string | null; isDeleteMarker: boolean };

/**
 * Removes a key's object if the condition holds; does nothing if there is neither an object nor a condition. If the
 * bucket keeps versions, adds a delete marker instead. Throws PreconditionFailed, NoSuchKey and NoSuchBucket.
 */
export async function removeObject(
  store: Store,
  bucket: string,
  key: string,
  condition: WriteCondition,
  now: Date,
): Promise<Removal> {
  return writeAlone(store, recordPath(store, bucket, key), async () => {
    const current = await readRecord(store, bucket, key);
    requireWriteCondition(condition, current);
    const versioning = await readVersioning(store, bucket);
    if (versioning === null) {
      if (current !== null) await removeCurrent(store, bucket, current, []);
      return { versionId: null, isDeleteMarker: false };
    }
    const versionId = versioning === 'Enabled' ? newVersionId() : NULL_VERSION;
    const { nextSequence: sequence } = await settleVersions(store, bucket, key, current);
    const replaced = await readOlderVersion(store, bucket, key, versionId);
    // This marker is ignored until the object is moved away.
    await keepVersion(store, bucket, {
      key,
      versionId,
      sequence,
      lastModified: now.toISOString(),
      isDeleteMarker: true,
    });
    if (current !== null && current.versionId === versionId) {
      await removeRecord(store, bucket, key);
      await removeData(store, bucket, current.files);
    } else if (current !== null) {
      await moveRecord(store, bucket, key, versionPath(store, bucket, key, current.versionId));
    }
    if (replaced !== null && !isDeleteMarker(replaced)) await removeData(store, bucket, replaced.files);
    return { versionId, isDeleteMarker: true };
  });
}

/**
 * Removes one version permanently, or a delete marker; does nothing if there is none and no condition. If it was the
 * newest, the next one becomes the newest. Throws PreconditionFailed, NoSuchKey, NoSuchBucket, and InvalidArgument for
 * an invalid version id.
 */
export async function removeVersion(
  store: Store,
  bucket: string,
  key: string,
  versionId: string,
  condition: WriteCondition,
): Promise<Removal> {
  requireVersionId(versionId);
  return writeAlone(store, recordPath(store, bucket, key), async () => {
    const current = await readRecord(store, bucket, key);
    const { versions } = await settleVersions(store, bucket, key, current);
    const version = versions.find((candidate) => candidate.versionId === versionId) ?? null;
    requireWriteCondition(condition, version === null || isDeleteMarker(version) ? null : version);
    if (version === null) return { versionId, isDeleteMarker: false };
    const newest = versions[0];
    if (version === current) {
      await removeCurrent(store, bucket, current, versions.slice(1));
    } else {
      // Removing the newest marker restores the version before it: that comes first, then the marker is removed.
      const next = version === newest ? versions[1] : undefined;
      if (next !== undefined) await makeCurrent(store, bucket, next);
      await dropVersion(store, bucket, key, versionId);
      if (next !== undefined && !isDeleteMarker(next)) await dropVersion(store, bucket, key, next.versionId);
      if (!isDeleteMarker(version)) await removeData(store, bucket, version.files);
    }
    return { versionId, isDeleteMarker: isDeleteMarker(version) };
  });
}

/** Removes the current object; the version before it, unless a delete marker, replaces it in the same step. */
async function removeCurrent(
  store: Store,
  bucket: string,
  current: ObjectRecord,
  older: readonly Version[],
): Promise<void> {
  const [next] = older;
  if (next === undefined || isDeleteMarker(next)) {
    await removeRecord(store, bucket, current.key);
  } else {
    await makeCurrent(store, bucket, next);
    await dropVersion(store, bucket, next.key, next.versionId);
  }
  await removeData(store, bucket, current.files);
}

async function makeCurrent(store: Store, bucket: string, version: Version): Promise<void> {
  if (isDeleteMarker(version)) return;
  await publishRecord(store, bucket, version, false);
  await syncDirectory(recordsFolder(store, bucket));
}
