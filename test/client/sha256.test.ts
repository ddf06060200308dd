import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/client/sha256.ts';

const { crypto } = globalThis;
afterEach(() => Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true }));

describe.each([
  ['with crypto.subtle', crypto],
  ['on a page without TLS', {}],
])('sha256 %s', (_, value) => {
  const given = () => Object.defineProperty(globalThis, 'crypto', { value, configurable: true });
  const lengths = [0, 1, 55, 56, 63, 64, 65, 119, 120, 1024 ** 2 - 1, 1024 ** 2, 1024 ** 2 + 1, 3 * 1024 ** 2 + 100];

  it.each(lengths)('hashes %i bytes as OpenSSL does', async (length) => {
    given();
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 31) ^ (index >> 8));
    expect(await sha256(new Blob([bytes]))).toBe(createHash('sha256').update(bytes).digest('base64'));
  });

  it('ends with the signal', async () => {
    given();
    const hashing = sha256(new Blob([new Uint8Array(1024)]), AbortSignal.abort());
    await expect(hashing).rejects.toMatchObject({ name: 'AbortError' });
  });
});
