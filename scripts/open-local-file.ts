import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { LocalFile } from './find-local-files.ts';

/**
 * A slice up to this size is read when it is made, so that other blobs can be made of it. A larger one, such as a piece
 * of a part, is read when its bytes are asked for: through a real blob, they would be copied three times.
 */
const MAX_READ_BYTES = 64 * 1024;

const PIECE_BYTES = 1024 ** 2;

/**
 * A file on this machine, of any size: its slices are read when they are needed. Not by `openAsBlob`: in Node 20 it
 * counts bytes in 32 bits (of a file of 5 GiB it gives the first GiB), and reads pieces of 64 KiB. Reading fails if the
 * file has changed since it was found.
 */
export function openLocalFile(found: LocalFile): File {
  const file = new File([], basename(found.path), { lastModified: found.lastModified });
  return withSlices(file, found, 0, found.size);
}

type Source = Omit<LocalFile, 'folderPath'>;

/** Gives `blob` the size, and functions that read the file's bytes from `from` to before `to`. */
function withSlices<B extends Blob>(blob: B, source: Source, from: number, to: number): B {
  const size = to - from;
  const position = (at: number) => from + (at < 0 ? Math.max(0, size + at) : Math.min(at, size));
  const slice = (start = 0, end = size) => {
    const first = position(start);
    const last = Math.max(first, position(end));
    if (last - first > MAX_READ_BYTES) return withSlices(new Blob(), source, first, last);
    return new Blob([readBytes(source, first, last - first)]);
  };
  const stream = () => {
    let at = 0;
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      if (at >= size) return controller.close();
      const length = Math.min(PIECE_BYTES, size - at);
      controller.enqueue(readBytes(source, from + at, length));
      at += length;
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  };
  const arrayBuffer = async () => readBytes(source, from, size).buffer;
  const text = async () => new TextDecoder().decode(await arrayBuffer());
  return Object.defineProperties(blob, {
    size: { value: size },
    ...Object.fromEntries(
      Object.entries({ slice, stream, arrayBuffer, text }).map(([name, value]) => [name, { value, writable: true }]),
    ),
  });
}

function readBytes({ path, size, lastModified }: Source, position: number, length: number) {
  // Not set to zeros: each byte is read, or this throws.
  const bytes = Buffer.allocUnsafeSlow(length);
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
