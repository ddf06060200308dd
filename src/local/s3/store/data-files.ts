import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ByteRange } from '../byte-range.ts';
import { openSealed, sealedRange, sealedSize, sealingOf } from '../encryption/sealed-chunks.ts';
import { bucketDirectory } from './buckets.ts';
import { hasCode, syncDirectory } from './durable-files.ts';
import type { DataFile } from './object-record.ts';
import type { IncomingFile } from './open-incoming-file.ts';
import type { Store } from './store.ts';

const READ_SIZE_BYTES = 256 * 1024;

/** Bytes of an object, which can be read once. The caller must call `close`, even without reading them. */
export type DataReader = { chunks: AsyncIterable<Buffer>; close(): Promise<void> };

/** Moves a finished upload among the bucket's data files, durably. */
export async function keepData(store: Store, bucket: string, upload: IncomingFile): Promise<DataFile> {
  const path = dataPath(store, bucket, upload.name);
  await rename(upload.path, path);
  await syncDirectory(dirname(path));
  return { name: upload.name, sizeBytes: upload.sizeBytes(), ...(upload.salt !== undefined && { salt: upload.salt }) };
}

/**
 * Opens the bytes of a record's files within `range`. They stay readable if the object is replaced or deleted
 * meanwhile; null if that happened before.
 * @param key decrypts them; see `requireKey`.
 */
export async function openData(
  store: Store,
  bucket: string,
  files: readonly DataFile[],
  range: ByteRange,
  key: Buffer | null = null,
): Promise<DataReader | null> {
  const release = claim(store, bucket, files);
  if (release === null) return null;
  const slices = cutFiles(files, range);
  let first: FileHandle | null;
  try {
    first = await openFile(store, bucket, slices[0]);
  } catch (error) {
    await release();
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
  async function* readSlices(): AsyncIterable<Buffer> {
    for (const [index, slice] of slices.entries()) {
      const handle = index === 0 ? first : await openFile(store, bucket, slice);
      if (handle !== null) yield* readSlice(handle, slice, key);
    }
  }
  return {
    chunks: readSlices(),
    async close() {
      await first?.close();
      await release();
    },
  };
}

/**
 * Removes data files without a record, at once or when their last reader has closed. A failure does not fail the
 * request: the next start removes them.
 */
export async function removeData(store: Store, bucket: string, files: readonly DataFile[]): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const reading = store.readers.get(first.name);
  if (reading !== undefined) {
    reading.isRemovalDue = true;
    return;
  }
  store.readers.set(first.name, { count: 0, isRemovalDue: true });
  await removeFiles(store, bucket, files);
  store.readers.delete(first.name);
}

/**
 * Protects the files of a record, identified by the first of them, from removal. Returns a function that releases them,
 * or null if they are being removed.
 */
function claim(store: Store, bucket: string, files: readonly DataFile[]): (() => Promise<void>) | null {
  const name = files[0]?.name ?? '';
  const reading = store.readers.get(name) ?? { count: 0, isRemovalDue: false };
  if (reading.isRemovalDue && reading.count === 0) return null;
  reading.count += 1;
  store.readers.set(name, reading);
  return async () => {
    reading.count -= 1;
    if (reading.count > 0) return;
    if (reading.isRemovalDue) await removeFiles(store, bucket, files);
    store.readers.delete(name);
  };
}

function readSlice(handle: FileHandle, { file, range }: Slice, key: Buffer | null): AsyncIterable<Buffer> {
  const read = (wanted: ByteRange) => handle.createReadStream({ ...wanted, highWaterMark: READ_SIZE_BYTES });
  if (file.salt === undefined) return read(range);
  if (key === null) throw new Error(`data file ${file.name} is encrypted`);
  const { first, range: onDisk } = sealedRange(range, file.sizeBytes);
  return openSealed(sealingOf(key, file.salt), read(onDisk), first, range);
}

type Slice = { file: DataFile; range: ByteRange };

function cutFiles(files: readonly DataFile[], { start, end }: ByteRange): Slice[] {
  let offset = 0;
  return files.flatMap((file) => {
    const range = { start: Math.max(0, start - offset), end: Math.min(file.sizeBytes - 1, end - offset) };
    offset += file.sizeBytes;
    return range.start <= range.end ? [{ file, range }] : [];
  });
}

async function openFile(store: Store, bucket: string, slice: Slice | undefined): Promise<FileHandle | null> {
  if (slice === undefined) return null;
  const { name, salt } = slice.file;
  const sizeBytes = salt === undefined ? slice.file.sizeBytes : sealedSize(slice.file.sizeBytes);
  const handle = await open(dataPath(store, bucket, name));
  const { size } = await handle.stat();
  if (size === sizeBytes) return handle;
  await handle.close();
  throw new Error(`data file ${name} has ${size} bytes, its record says ${sizeBytes}`);
}

async function removeFiles(store: Store, bucket: string, files: readonly DataFile[]): Promise<void> {
  for (const { name } of files) await rm(dataPath(store, bucket, name), { force: true }).catch(() => undefined);
}

function dataPath(store: Store, bucket: string, name: string): string {
  return join(bucketDirectory(store, bucket), 'data', name);
}
