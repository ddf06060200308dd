import { randomUUID } from 'node:crypto';
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { S3Error } from '../s3-error.ts';
import { hasCode, mapInBatches, publishFile, readIfPresent, removeFile, syncDirectory } from './durable-files.ts';
import { isDeleteMarker, NULL_VERSION, type ObjectRecord, parseVersion, type Version } from './object-record.ts';
import { readNames } from './read-names.ts';
import { versionsPath } from './record-path.ts';
import type { Store } from './store.ts';

/**
 * Throws InvalidArgument for an invalid version id, so that nothing else reaches the disk. Ids are lower-case, because
 * some disks ignore case.
 */
export function requireVersionId(versionId: string): string {
  if (versionId === NULL_VERSION || /^[0-9a-f]{40}$/.test(versionId)) return versionId;
  throw new S3Error('InvalidArgument', 'Invalid version id specified', {
    ArgumentName: 'versionId',
    ArgumentValue: versionId,
  });
}

export function newVersionId(): string {
  return randomUUID().replaceAll('-', '') + randomUUID().slice(0, 8);
}

/** A version that is not the current object; null if there is none. */
export async function readOlderVersion(
  store: Store,
  bucket: string,
  key: string,
  versionId: string,
): Promise<Version | null> {
  const text = await readIfPresent(versionPath(store, bucket, key, requireVersionId(versionId)));
  return text === null ? null : parseVersion(text);
}

/**
 * All versions of a key, the newest first; `current` is its object, or null. Leaves out what a crash left behind: a
 * second record of the object itself, and the marker of an unfinished deletion.
 */
export async function readVersions(
  store: Store,
  bucket: string,
  key: string,
  current: ObjectRecord | null,
): Promise<Version[]> {
  const all = await readFolder(versionsPath(store, bucket, key));
  const older = all.filter((version) => current === null || isOlder(version, current));
  older.sort((a, b) => b.sequence - a.sequence);
  return current === null ? older : [current, ...older];
}

/**
 * `readVersions` for a caller that is about to change them, under the key's lock. Removes what `readVersions` leaves
 * out, because a later version would make it look real.
 */
export async function settleVersions(
  store: Store,
  bucket: string,
  key: string,
  current: ObjectRecord | null,
): Promise<{ versions: Version[]; nextSequence: number }> {
  const all = await readFolder(versionsPath(store, bucket, key));
  const left = current === null ? [] : all.filter((version) => !isOlder(version, current));
  for (const { versionId } of left) await removeFile(versionPath(store, bucket, key, versionId));
  const versions = await readVersions(store, bucket, key, current);
  return { versions, nextSequence: Math.max(0, ...versions.map(({ sequence }) => sequence)) + 1 };
}

/** Puts a version among those that are not the current object, durably. */
export async function keepVersion(store: Store, bucket: string, version: Version): Promise<void> {
  const folder = await makeVersionsFolder(store, bucket, version.key);
  await publishFile(store.incoming, join(folder, `${version.versionId}.json`), JSON.stringify(version));
  await syncDirectory(folder);
}

/** Removes a version that is not the current object, durably; does nothing if there is none. */
export async function dropVersion(store: Store, bucket: string, key: string, versionId: string): Promise<void> {
  const folder = versionsPath(store, bucket, key);
  await rm(versionPath(store, bucket, key, versionId), { force: true });
  await syncDirectory(folder).catch((error) => {
    if (!hasCode(error, 'ENOENT')) throw error;
  });
  // Succeeds only after the last version is removed.
  await rmdir(folder).catch(() => undefined);
}

export function versionPath(store: Store, bucket: string, key: string, versionId: string): string {
  return join(versionsPath(store, bucket, key), `${versionId}.json`);
}

/** Not recursively, so that a removed bucket is not created again. */
async function makeVersionsFolder(store: Store, bucket: string, key: string): Promise<string> {
  const folder = versionsPath(store, bucket, key);
  for (const path of [dirname(folder), folder]) {
    try {
      await mkdir(path);
      await syncDirectory(dirname(path));
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
  return folder;
}

export async function readFolder(folder: string): Promise<Version[]> {
  const names = await readNames(folder, 'version').catch((error) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const texts = await mapInBatches(names, (name) => readIfPresent(join(folder, name)));
  return texts.flatMap((text) => (text === null ? [] : [parseVersion(text)]));
}

function isOlder(version: Version, current: ObjectRecord): boolean {
  if (version.versionId === current.versionId) return false;
  return !isDeleteMarker(version) || version.sequence < current.sequence;
}
