import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/client/sha256.ts';

describe('sha256', () => {
  const lengths = [0, 1, 55, 56, 63, 64, 65, 119, 120, 1024 ** 2 - 1, 1024 ** 2, 1024 ** 2 + 1, 3 * 1024 ** 2 + 100];

  it.each(lengths)('hashes %i bytes as OpenSSL does', async (length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 31) ^ (index >> 8));
    expect(await sha256(new Blob([bytes]))).toBe(createHash('sha256').update(bytes).digest('base64'));
  });

  it('ends with the signal', async () => {
    const hashing = sha256(new Blob([new Uint8Array(1024)]), AbortSignal.abort());
    await expect(hashing).rejects.toMatchObject({ name: 'AbortError' });
  });
});
