import { closeSync, fstatSync, openAsBlob, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { LocalFile } from './find-local-files.ts';

/** Node 20 counts the bytes of a blob in 32 bits: of a file of 5 GiB, `openAsBlob` gives the first GiB. */
const MAX_BLOB_BYTES = 2 ** 32 - 1;

/**
 * A file on this machine, of any size: its slices are read when they are needed.
 * @throws if it cannot be read; a slice, if the file has changed since it was found.
 */
export async function openLocalFile({ path, size, lastModified }: LocalFile): Promise<File> {
  const create = (parts: Blob[]) => new File(parts, basename(path), { lastModified });
  if (size <= MAX_BLOB_BYTES) return create([await openAsBlob(path)]);
  const file = create([]);
  const position = (at: number) => (at < 0 ? Math.max(0, size + at) : Math.min(at, size));
  Object.defineProperty(file, 'size', { value: size });
  file.slice = (start = 0, end = size) => {
    const from = position(start);
    return new Blob([readBytes({ path, size, lastModified }, from, Math.max(0, position(end) - from))]);
  };
  return file;
}

function readBytes({ path, size, lastModified }: Omit<LocalFile, 'folderPath'>, position: number, length: number) {
  const bytes = new Uint8Array(length);
  const opened = openSync(path, 'r');
  try {
    const now = fstatSync(opened);
    if (now.size !== size || now.mtimeMs !== lastModified) throw new Error(`${path} has changed`);
    for (let at = 0; at < length; ) {
      const read = readSync(opened, bytes, at, length - at, position + at);
      if (read === 0) throw new Error(`${path} ends early`);
      at += read;
    }
  } finally {
    closeSync(opened);
  }
  return bytes;
}
