import type { PlainRange } from '../file-encryption.ts';
import { tellApp } from '../tell-app.ts';
import { CHUNK_BYTES, type ChunkCipher, chunkCount, PLAIN_BYTES } from './chunk-cipher.ts';
import { EncryptionError } from './encryption-error.ts';

/** Decrypts the chunks that contain a range, one at a time, and yields the bytes of the range. */
export async function* decryptRange(
  cipher: ChunkCipher,
  size: number,
  { start, end = size, onProgress }: PlainRange,
  read: (start: number, end: number) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const to = Math.min(end, size);
  if (start >= to && size > 0) return;
  const stop = Math.max(1, Math.ceil(to / PLAIN_BYTES));
  let index = Math.floor(start / PLAIN_BYTES);
  const storedEnd = stop === chunkCount(size) ? size + stop * (CHUNK_BYTES - PLAIN_BYTES) : stop * CHUNK_BYTES;
  let at = start;
  for await (const chunk of inChunks(read(index * CHUNK_BYTES, storedEnd))) {
    const plain = new Uint8Array(await cipher.open(index, chunk));
    const begin = index * PLAIN_BYTES;
    const wanted = plain.subarray(Math.max(0, start - begin), Math.min(plain.length, to - begin));
    index++;
    at += wanted.length;
    if (wanted.length > 0) yield wanted;
    tellApp(onProgress, { sentBytes: at - start, totalBytes: to - start });
  }
  if (index !== stop) throw new EncryptionError('tampered', 'the stored object ends early');
}

/** The same bytes in pieces with the size of a chunk; the last may be shorter. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of bytes) {
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + CHUNK_BYTES - filled);
      chunk.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled < CHUNK_BYTES) continue;
      yield chunk;
      chunk = new Uint8Array(CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
