import { describe, expect, it } from 'vitest';
import { type ChecksumAlgorithm, startChecksum } from '../../../src/local/s3/checksums/running-checksum.ts';

function checksum(algorithm: ChecksumAlgorithm, ...chunks: string[]): string {
  const running = startChecksum(algorithm);
  for (const chunk of chunks) running.update(Buffer.from(chunk));
  return running.digest().toString('hex');
}

describe('checksums', () => {
  // The check values of the CRC catalogue, over the ASCII digits 1 to 9.
  it.each([
    ['crc32', 'cbf43926'],
    ['crc32c', 'e3069283'],
    ['crc64nvme', 'ae8b14860a799888'],
    ['sha256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
  ] as const)('%s of 123456789 is its published check value', (algorithm, expected) => {
    expect(checksum(algorithm, '123456789')).toBe(expected);
  });

  it.each(['crc32', 'crc32c', 'crc64nvme', 'sha256'] as const)(
    '%s does not depend on how the bytes are split',
    (name) => {
      const text = 'The quick brown fox jumps over the lazy dog. '.repeat(7);
      for (let cut = 0; cut <= 20; cut++) {
        expect(checksum(name, text.slice(0, cut), text.slice(cut))).toBe(checksum(name, text));
      }
    },
  );

  it.each(['crc32', 'crc32c', 'crc64nvme'] as const)('%s of an empty input is zero', (algorithm) => {
    expect(checksum(algorithm)).toMatch(/^0+$/);
  });
});
