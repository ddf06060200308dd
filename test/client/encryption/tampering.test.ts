import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, storedBytes } from '../../../src/client/encryption/chunk-cipher.ts';
import { type FileEncryption, withKeys } from '../../../src/client/encryption/with-keys.ts';
import { collect, ofBytes, patternOf } from './stored-bytes.ts';

const SIZE = 200_000;
const CHUNKS = 4;
const plain = patternOf(SIZE);
const key = new Uint8Array(32).fill(7);
const encryption: FileEncryption = withKeys([{ id: 'k1', key }]);

async function encrypted(bytes: Uint8Array<ArrayBuffer>) {
  const content = await encryption.encrypt(new Blob([bytes]), 'text/plain');
  const blob = await content.read(0, content.size);
  return { envelope: content.envelope, stored: new Uint8Array(await blob.arrayBuffer()) };
}

let file: Awaited<ReturnType<typeof encrypted>>;
let other: Awaited<ReturnType<typeof encrypted>>;
beforeAll(async () => {
  [file, other] = [await encrypted(plain), await encrypted(plain)];
});

const chunk = (stored: Uint8Array, index: number) => stored.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
const joined = (...pieces: Uint8Array[]) => new Uint8Array(Buffer.concat(pieces));
const code = (value: string) => expect.objectContaining({ name: 'EncryptionError', code: value });
const reading = (stored: Uint8Array, envelope = file.envelope) => collect(encryption, envelope, ofBytes(stored));

describe('a stored object', () => {
  it('is four chunks, and no two encryptions of a file are alike', async () => {
    expect([file.stored.length, storedBytes(SIZE)]).toEqual([SIZE + CHUNKS * 16, SIZE + CHUNKS * 16]);
    expect(Buffer.from(chunk(file.stored, 0)).equals(chunk(other.stored, 0))).toBe(false);
    expect((await reading(file.stored)).equals(plain)).toBe(true);
  });

  it('is refused with any byte changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(file.stored.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = file.stored.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        await expect(reading(changed)).rejects.toEqual(code('tampered'));
      }),
      { numRuns: 100 },
    );
  });

  it('is refused with an end cut off, at the border of a chunk or elsewhere, or with more bytes', async () => {
    for (const length of [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES, file.stored.length - 1]) {
      await expect(reading(file.stored.subarray(0, length))).rejects.toEqual(code('tampered'));
      // The service tells the right size, and the bucket sends less.
      const short = { ...ofBytes(file.stored.subarray(0, length)), size: file.stored.length };
      await expect(collect(encryption, file.envelope, short)).rejects.toEqual(code('tampered'));
    }
    await expect(reading(joined(file.stored, new Uint8Array(16)))).rejects.toEqual(code('tampered'));
  });

  it('is refused with chunks in another order, repeated, left out or of another file', async () => {
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => chunk(file.stored, index));
    if (!a || !b || !c || !d) throw new Error('not four chunks');
    const strange = chunk(other.stored, 1);
    for (const pieces of [
      [b, a, c, d],
      [a, a, c, d],
      [a, b, b, d],
      [a, strange, c, d],
      [d, b, c, a],
    ]) {
      await expect(reading(joined(...pieces))).rejects.toEqual(code('tampered'));
    }
    await expect(reading(other.stored)).rejects.toEqual(code('tampered'));
    await expect(reading(joined(a, b, d))).rejects.toEqual(code('tampered'));
  });

  it('gives out nothing of a chunk that is not verified', async () => {
    const changed = file.stored.slice();
    changed[2 * CHUNK_BYTES] = (changed[2 * CHUNK_BYTES] ?? 0) ^ 1;
    const { size, read } = ofBytes(changed);
    const range = { start: 0, end: undefined, onProgress: undefined };
    let given = 0;
    const run = async () => {
      for await (const { length } of encryption.decrypt({ encryption: file.envelope, size }, range, read)) {
        given += length;
      }
    };
    await expect(run()).rejects.toEqual(code('tampered'));
    expect(given).toBe(2 * (CHUNK_BYTES - 16));
  });
});

describe('a range', () => {
  it('has the same bytes as that range of the file, and needs only its chunks', async () => {
    const bound = fc.integer({ min: 0, max: SIZE + 70_000 });
    await fc.assert(
      fc.asyncProperty(bound, bound, fc.integer({ min: 1, max: 90_000 }), async (start, end, pieceBytes) => {
        let asked = 0;
        const { size, read } = ofBytes(file.stored, pieceBytes);
        const counted = (from: number, to: number) => {
          asked += to - from;
          return read(from, to);
        };
        const range = await collect(encryption, file.envelope, { size, read: counted }, { start, end });
        expect(range.equals(plain.subarray(start, Math.max(start, end)))).toBe(true);
        expect(asked).toBeLessThanOrEqual(Math.max(0, Math.min(end, SIZE) - start) + 2 * CHUNK_BYTES + 64);
      }),
      { numRuns: 100 },
    );
  });

  it('has the same bytes however the file is cut into parts, so that a part can be sent again', async () => {
    const content = await encryption.encrypt(new Blob([plain]), 'text/plain');
    const whole = Buffer.from(await (await content.read(0, content.size)).arrayBuffer());
    const bound = fc.nat(content.size);
    await fc.assert(
      fc.asyncProperty(bound, bound, async (one, two) => {
        const [start, end] = [Math.min(one, two), Math.max(one, two)];
        const part = await content.read(start, end);
        expect(whole.subarray(start, end).equals(Buffer.from(await part.arrayBuffer()))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('an envelope', () => {
  it('is refused with any character changed, left out or added', async () => {
    const refused = expect.objectContaining({ name: 'EncryptionError' });
    const letters = fc.constantFrom(...'AZaz09-_.', ' ', '=', '+', 'ü');
    await fc.assert(
      fc.asyncProperty(fc.nat(file.envelope.length - 1), fc.nat(1), letters, async (at, removed, letter) => {
        const changed = file.envelope.slice(0, at) + letter + file.envelope.slice(at + removed);
        if (changed === file.envelope) return;
        await expect(reading(file.stored, changed)).rejects.toEqual(refused);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused if it is of another file, or malformed', async () => {
    await expect(reading(file.stored, other.envelope)).rejects.toEqual(code('tampered'));
    await expect(collect(encryption, null, ofBytes(file.stored))).rejects.toEqual(code('not-encrypted'));
    for (const text of ['', '1', `2${file.envelope.slice(1)}`, 'age-encryption.org/v1', `${file.envelope}.x`]) {
      await expect(reading(file.stored, text)).rejects.toEqual(code('unsupported'));
    }
  });

  it('is refused with the size and the type of another', async () => {
    const fields = file.envelope.split('.');
    const withField = (index: number, value: string) => fields.map((field, at) => (at === index ? value : field));
    for (const changed of [withField(2, '199999'), withField(3, 'dGV4dC9odG1s'), withField(1, 'AAAAAAAAAA')]) {
      await expect(reading(file.stored, changed.join('.'))).rejects.toEqual(code('wrong-key'));
    }
  });
});
