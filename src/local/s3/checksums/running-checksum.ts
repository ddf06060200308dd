import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { crc32c } from './crc32c.ts';
import { crc64nvme } from './crc64nvme.ts';

/** The supported algorithms, by their name in `x-amz-checksum-…`, with the size of a value in bytes. */
export const CHECKSUM_SIZES_BYTES = { sha256: 32, crc32: 4, crc32c: 4, crc64nvme: 8 } as const;

export type ChecksumAlgorithm = keyof typeof CHECKSUM_SIZES_BYTES;

type RunningChecksum = { update(chunk: Uint8Array): void; digest(): Buffer };

/** Computes a checksum chunk by chunk. `digest` is big-endian, as S3 writes it before base64. */
export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case 'sha256': {
      const hash = createHash('sha256');
      return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() };
    }
    case 'crc32':
      return startCrc(0, crc32, (crc) => bigEndian(crc));
    case 'crc32c':
      return startCrc(0, crc32c, (crc) => bigEndian(crc));
    case 'crc64nvme':
      return startCrc({ high: 0, low: 0 }, crc64nvme, ({ high, low }) => bigEndian(high, low));
  }
}

function startCrc<Crc>(
  initial: Crc,
  next: (chunk: Uint8Array, previous: Crc) => Crc,
  toBytes: (crc: Crc) => Buffer,
): RunningChecksum {
  let crc = initial;
  return {
    update: (chunk) => {
      crc = next(chunk, crc);
    },
    digest: () => toBytes(crc),
  };
}

function bigEndian(...words: number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word >>> 0, index * 4);
  return bytes;
}
