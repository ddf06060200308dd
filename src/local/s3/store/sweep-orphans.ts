import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, mapInBatches, readIfPresent } from './durable-files.ts';
import { parsePart } from './multipart-record.ts';
import { isDeleteMarker, parseRecord, type Version } from './object-record.ts';
import { readNames } from './read-names.ts';
import { readFolder } from './versions.ts';

/**
 * How long a data file without a record is kept, in milliseconds: it was left by a crash, or another process on the
 * same directory is about to write its record.
 */
const ORPHAN_AGE_MILLISECONDS = 10 * 60 * 1000;

/**
 * Removes what a crash left in a bucket: uploads whose object exists, and data files without a record. Returns the keys
 * of all objects, because it reads their records.
 */
export async function sweepOrphans(bucketDirectory: string): Promise<string[]> {
  // Data files are listed before the records that name them: a file that no record names afterwards is an orphan.
  const dataFiles = await readNames(join(bucketDirectory, 'data'), 'uuid');
  const uploads = join(bucketDirectory, 'uploads');
  const named = new Set<string>();
  const uploadIds = await readNames(uploads, 'uuid');
  for (const uploadId of uploadIds) {
    for (const name of await readNames(join(uploads, uploadId), 'part')) {
      const text = await readIfPresent(join(uploads, uploadId, name));
      if (text !== null) named.add(parsePart(text).file.name);
    }
  }
  const completed = new Set<string>();
  const records = join(bucketDirectory, 'objects');
  const keys = await mapInBatches(await readNames(records, 'record'), async (name) => {
    const text = await readIfPresent(join(records, name));
    if (text === null) return null;
    const { key, files, uploadId } = parseRecord(text);
    for (const file of files) named.add(file.name);
    if (uploadId !== null) completed.add(uploadId);
    return key;
  });
  for (const version of await readAllVersions(join(bucketDirectory, 'versions'))) {
    if (isDeleteMarker(version)) continue;
    for (const file of version.files) named.add(file.name);
    if (version.uploadId !== null) completed.add(version.uploadId);
  }
  for (const uploadId of uploadIds.filter((id) => completed.has(id))) {
    await rm(join(uploads, uploadId), { recursive: true, force: true });
  }
  for (const name of dataFiles.filter((file) => !named.has(file)))
    await removeIfOld(join(bucketDirectory, 'data', name));
  return keys.filter((key) => key !== null);
}

async function readAllVersions(directory: string): Promise<Version[]> {
  const folders = await readNames(directory, 'key').catch((error) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const versions = await mapInBatches(folders, (folder) => readFolder(join(directory, folder)));
  return versions.flat();
}

async function removeIfOld(path: string): Promise<void> {
  const modifiedAt = await stat(path).then(
    (stats) => stats.mtimeMs,
    () => Date.now(),
  );
  if (Date.now() - modifiedAt > ORPHAN_AGE_MILLISECONDS) await rm(path, { force: true });
}
