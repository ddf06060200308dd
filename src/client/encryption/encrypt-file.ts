import type { EncryptedContent } from '../file-encryption.ts';
import { CHUNK_BYTES, type ChunkCipher, chunkCount, PLAIN_BYTES, storedBytes } from './chunk-cipher.ts';

/** How many chunks are read and encrypted at a time: 4 MiB. */
const BATCH = 64;

/**
 * Encrypts a file while it is read. The same range always gives the same bytes, so a part can be sent again. Keeps only
 * the range that is being read in memory.
 */
export function encryptFile(file: Blob, cipher: ChunkCipher, envelope: string): EncryptedContent {
  const sealBatch = async (from: number, to: number) => {
    const plain = new Uint8Array(await file.slice(from * PLAIN_BYTES, to * PLAIN_BYTES).arrayBuffer());
    const chunks = Array.from({ length: to - from }, (_, index) => index);
    return Promise.all(
      chunks.map((index) => cipher.seal(from + index, plain.subarray(index * PLAIN_BYTES, (index + 1) * PLAIN_BYTES))),
    );
  };
  return {
    envelope,
    size: storedBytes(file.size),
    read: async (start, end) => {
      const first = Math.floor(start / CHUNK_BYTES);
      const stop = Math.min(Math.ceil(end / CHUNK_BYTES), chunkCount(file.size));
      const sealed: ArrayBuffer[] = [];
      for (let from = first; from < stop; from += BATCH) {
        sealed.push(...(await sealBatch(from, Math.min(from + BATCH, stop))));
      }
      return new Blob(sealed).slice(start - first * CHUNK_BYTES, end - first * CHUNK_BYTES);
    },
  };
}
