import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { WriteCondition } from '../preconditions.ts';
import { S3Error } from '../s3-error.ts';
import { bucketDirectory, requireBucket } from './buckets.ts';
import { commitRecord } from './commit-object.ts';
import { keepData, removeData } from './data-files.ts';
import { hasCode, mapInBatches, OWNER_ONLY, publishFile, readIfPresent, syncDirectory } from './durable-files.ts';
import { type MultipartUpload, type Part, parsePart, parseUpload } from './multipart-record.ts';
import type { NewRecord, ObjectRecord } from './object-record.ts';
import { readRecord } from './objects.ts';
import type { IncomingFile } from './open-incoming-file.ts';
import { readNames } from './read-names.ts';
import { discardDirectory } from './remove-bucket.ts';
import type { Store } from './store.ts';
import { writeAlone } from './write-alone.ts';

/** Creates the upload atomically. Throws NoSuchBucket. */
export async function beginMultipart(store: Store, bucket: string, upload: MultipartUpload): Promise<void> {
  await requireBucket(store, bucket);
  const target = uploadDirectory(store, bucket, upload.uploadId);
  const temporary = join(store.incoming, randomUUID());
  try {
    await mkdir(temporary);
    await writeFile(join(temporary, 'upload.json'), JSON.stringify(upload), {
      flush: true,
      mode: OWNER_ONLY,
    });
    await syncDirectory(temporary);
    await rename(temporary, target);
    await syncDirectory(dirname(target));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Throws NoSuchUpload, also if the upload has another key, and NoSuchBucket. */
export async function findMultipart(
  store: Store,
  bucket: string,
  key: string,
  uploadId: string,
): Promise<MultipartUpload> {
  await requireBucket(store, bucket);
  // Only a UUID may become part of a path.
  const isId = /^[0-9a-f-]{36}$/.test(uploadId);
  const text = isId ? await readIfPresent(join(uploadDirectory(store, bucket, uploadId), 'upload.json')) : null;
  const upload = text === null ? null : parseUpload(text);
  // Already completed, though its directory still exists: the parts belong to the object.
  const isObject = upload !== null && (await readRecord(store, bucket, key))?.uploadId === uploadId;
  if (upload === null || upload.key !== key || isObject)
    throw new S3Error('NoSuchUpload', undefined, { UploadId: uploadId });
  return upload;
}

/** Stores finished bytes as a part, durably; it replaces an earlier part with its number. Throws NoSuchUpload. */
export async function commitPart(
  store: Store,
  bucket: string,
  { key, uploadId }: MultipartUpload,
  bytes: IncomingFile,
  part: Omit<Part, 'file'>,
): Promise<void> {
  const directory = uploadDirectory(store, bucket, uploadId);
  const path = join(directory, partName(part.partNumber));
  await writeAlone(store, directory, async () => {
    await findMultipart(store, bucket, key, uploadId);
    const replaced = await readPart(path);
    const file = await keepData(store, bucket, bytes);
    try {
      await publishFile(store.incoming, path, JSON.stringify({ ...part, file } satisfies Part));
    } catch (error) {
      await removeData(store, bucket, [file]);
      throw error;
    }
    await syncDirectory(directory);
    if (replaced !== null) await removeData(store, bucket, [replaced.file]);
  });
}

/** The numbers of the uploaded parts, ascending. Throws NoSuchUpload. */
export async function listPartNumbers(store: Store, bucket: string, uploadId: string): Promise<number[]> {
  const names = await readNames(uploadDirectory(store, bucket, uploadId), 'part').catch((error) => {
    throw hasCode(error, 'ENOENT') ? new S3Error('NoSuchUpload', undefined, { UploadId: uploadId }) : error;
  });
  return names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
}

/** The requested parts that exist, in the requested order. */
export async function readParts(
  store: Store,
  bucket: string,
  uploadId: string,
  partNumbers: readonly number[],
): Promise<Part[]> {
  const directory = uploadDirectory(store, bucket, uploadId);
  const parts = await mapInBatches(partNumbers, (partNumber) => readPart(join(directory, partName(partNumber))));
  return parts.filter((part) => part !== null);
}

/**
 * Makes an object of the uploaded parts that `assemble` chooses. Publishing its record is the decisive step; the parts'
 * files become the object's without being moved. Throws NoSuchUpload, PreconditionFailed, NoSuchKey, and the errors of
 * `assemble`; the upload then stays open.
 */
export async function completeMultipart(
  store: Store,
  bucket: string,
  { key, uploadId }: MultipartUpload,
  condition: WriteCondition,
  assemble: (parts: readonly Part[]) => NewRecord,
): Promise<ObjectRecord> {
  return writeAlone(store, uploadDirectory(store, bucket, uploadId), async () => {
    await findMultipart(store, bucket, key, uploadId);
    const parts = await readParts(store, bucket, uploadId, await listPartNumbers(store, bucket, uploadId));
    const record = assemble(parts);
    const committed = await commitRecord(store, bucket, record, condition);
    const used = new Set(record.files.map(({ name }) => name));
    // The object exists, whatever happens to the rest of the upload: the next start sweeps.
    await discardUpload(store, bucket, uploadId).catch(() => undefined);
    for (const { file } of parts) if (!used.has(file.name)) await removeData(store, bucket, [file]);
    return committed;
  });
}

/** Forgets an upload and removes its parts. Throws NoSuchUpload. */
export async function abortMultipart(store: Store, bucket: string, key: string, uploadId: string): Promise<void> {
  await findMultipart(store, bucket, key, uploadId);
  await writeAlone(store, uploadDirectory(store, bucket, uploadId), async () => {
    await findMultipart(store, bucket, key, uploadId);
    const parts = await readParts(store, bucket, uploadId, await listPartNumbers(store, bucket, uploadId));
    await discardUpload(store, bucket, uploadId);
    for (const { file } of parts) await removeData(store, bucket, [file]);
  });
}

/** The bucket's uploads in progress, in no order. Throws NoSuchBucket. */
export async function readMultiparts(store: Store, bucket: string): Promise<MultipartUpload[]> {
  await requireBucket(store, bucket);
  const directory = join(bucketDirectory(store, bucket), 'uploads');
  const uploads = await mapInBatches(await readNames(directory, 'uuid'), async (uploadId) => {
    const text = await readIfPresent(join(directory, uploadId, 'upload.json'));
    return text === null ? null : parseUpload(text);
  });
  return uploads.filter((upload) => upload !== null);
}

/** One rename ends the upload; the next start removes what a crash leaves in `incoming`. */
async function discardUpload(store: Store, bucket: string, uploadId: string): Promise<void> {
  await discardDirectory(store.incoming, uploadDirectory(store, bucket, uploadId));
}

async function readPart(path: string): Promise<Part | null> {
  const text = await readIfPresent(path);
  return text === null ? null : parsePart(text);
}

function partName(partNumber: number): string {
  return `${partNumber}.json`;
}

function uploadDirectory(store: Store, bucket: string, uploadId: string): string {
  return join(bucketDirectory(store, bucket), 'uploads', uploadId);
}
