import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChunkCipher } from '../../../src/client/encryption/chunk-cipher.ts';
import { encryptFile } from '../../../src/client/encryption/encrypt-file.ts';
import { parseEnvelope } from '../../../src/client/encryption/parse-envelope.ts';
import { readEnvelope, withKeys, withPassword } from '../../../src/client/encryption/with-keys.ts';
import { collect, ofBytes, patternOf } from './stored-bytes.ts';

type Vector = { name: string; size: number; contentType: string; envelope: string; storedSha256: string } & {
  fileKey: string;
  stored?: string;
  context?: string;
} & ({ keyId: string; key: string; password?: undefined } | { password: string });

/** The program in docs/encrypted-format.md, which shares no code with the SDK. */
type Reader = {
  encrypt: (...of: [Uint8Array, string, Uint8Array | string, string?]) => Buffer<ArrayBuffer>;
  decrypt: (...of: [Uint8Array, string, Uint8Array | string, string?]) => { bytes: Buffer; type: string };
};

const vectors: Vector[] = JSON.parse(await readFile('docs/encrypted-format.vectors.json', 'utf8'));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const bytesOfHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const secretOf = (vector: Vector) => (vector.password === undefined ? bytesOfHex(vector.key) : vector.password);
const encryptionOf = (vector: Vector) =>
  vector.password === undefined
    ? withKeys([{ id: vector.keyId, key: bytesOfHex(vector.key) }], { context: vector.context })
    : withPassword(vector.password, { context: vector.context });

let directory: string;
let reader: Reader;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signpost-reader-'));
  const page = await readFile('docs/encrypted-format.md', 'utf8');
  const program = join(directory, 'reader.mjs');
  await writeFile(program, /^```js\n(.*?)^```$/ms.exec(page)?.[1] ?? '');
  reader = await import(pathToFileURL(program).href);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each(vectors)('the test vector: $name', (vector) => {
  it('is read by the SDK and by the other implementation', async () => {
    const { envelope, size, contentType, context } = vector;
    const stored = reader.encrypt(patternOf(size), envelope, secretOf(vector), context);
    expect(sha256(stored)).toBe(vector.storedSha256);
    if (vector.stored !== undefined) expect(stored.toString('base64')).toBe(vector.stored);

    const other = reader.decrypt(stored, envelope, secretOf(vector), context);
    expect(other.type).toBe(contentType);
    expect(other.bytes.equals(patternOf(size))).toBe(true);
    const keyId = vector.password === undefined ? vector.keyId : null;
    expect(readEnvelope(envelope)).toEqual({ size, contentType, keyId });
    const plain = await collect(encryptionOf(vector), envelope, ofBytes(stored));
    expect(plain.equals(patternOf(size))).toBe(true);
  });

  it('is what the SDK makes of the same key', async () => {
    const cipher = await createChunkCipher(bytesOfHex(vector.fileKey), parseEnvelope(vector.envelope));
    const content = encryptFile(new Blob([patternOf(vector.size)]), cipher, vector.envelope);
    const stored = await content.read(0, content.size);
    expect(sha256(new Uint8Array(await stored.arrayBuffer()))).toBe(vector.storedSha256);
  });
});

describe('a file that the SDK encrypts', () => {
  it.each([0, 1, 65_519, 65_520, 65_521, 200_000])('of %i bytes is read by the other implementation', async (size) => {
    const key = bytesOfHex('5a'.repeat(32));
    const file = new Blob([patternOf(size)]);
    const content = await withKeys([{ id: 'k', key }]).encrypt(file, 'text/x-ü');
    const stored = await content.read(0, content.size);
    expect(stored.size).toBe(content.size);
    const other = reader.decrypt(new Uint8Array(await stored.arrayBuffer()), content.envelope, key);
    expect(other.type).toBe('text/x-ü');
    expect(other.bytes.equals(patternOf(size))).toBe(true);
  });
});
