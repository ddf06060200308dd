import { openAsBlob } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PLAIN_BYTES } from '../../../src/client/encryption/chunk-cipher.ts';
import {
  type FileEncryption,
  readEnvelope,
  rewrap,
  withKeys,
  withPassword,
} from '../../../src/client/encryption/with-keys.ts';
import { collect, ofBytes, patternOf } from './stored-bytes.ts';

const bytes = (fill: number) => new Uint8Array(32).fill(fill);
const code = (value: string) => expect.objectContaining({ name: 'EncryptionError', code: value });
const importKey = (usages: KeyUsage[], fill = 1, name = 'AES-GCM') =>
  crypto.subtle.importKey('raw', bytes(fill), name, false, usages);

async function encrypted(encryption: FileEncryption) {
  const { envelope, size, read } = await encryption.encrypt(new Blob([patternOf(9)]), 'text/plain');
  const stored = ofBytes(new Uint8Array(await (await read(0, size)).arrayBuffer()));
  return { envelope, opens: async (by: FileEncryption, as = envelope) => (await collect(by, as, stored)).length };
}

describe('withKeys', () => {
  it('accepts bytes, or a key that is not extractable', async () => {
    const byKey = withKeys([{ id: 'k', key: await importKey(['encrypt', 'decrypt']) }]);
    const file = await encrypted(byKey);
    expect(await file.opens(byKey)).toBe(9);
    expect(await file.opens(withKeys([{ id: 'k', key: bytes(1) }]))).toBe(9);
  });

  it('encrypts with the first key, and decrypts with the key that the file names', async () => {
    const old = await encrypted(withKeys([{ id: 'old', key: bytes(1) }]));
    const both = withKeys([
      { id: 'new', key: bytes(2) },
      { id: 'old', key: bytes(1) },
    ]);
    expect(await old.opens(both)).toBe(9);
    expect(readEnvelope((await encrypted(both)).envelope).keyId).toBe('new');
  });

  it('distinguishes an unknown key from a wrong one', async () => {
    const file = await encrypted(withKeys([{ id: 'k', key: bytes(1) }]));
    await expect(file.opens(withKeys([{ id: 'j', key: bytes(1) }]))).rejects.toEqual(code('unknown-key'));
    await expect(file.opens(withKeys([{ id: 'k', key: bytes(2) }]))).rejects.toEqual(code('wrong-key'));
    await expect(file.opens(withPassword('secret'))).rejects.toEqual(code('unknown-key'));
  });

  it('keeps its keys when the caller overwrites the bytes', async () => {
    const key = bytes(1);
    const encryption = withKeys([{ id: 'k', key }]);
    key.fill(0);
    expect(await (await encrypted(encryption)).opens(withKeys([{ id: 'k', key: bytes(1) }]))).toBe(9);
  });

  it('continues a file with its own key, and begins another file with a new one', async () => {
    const { encrypt } = withKeys([{ id: 'k', key: bytes(1) }]);
    const envelopeOf = async (size: number, earlier?: string) =>
      (await encrypt(new Blob([patternOf(size)]), 'text/plain', earlier)).envelope;
    const earlier = await envelopeOf(9);
    expect(await envelopeOf(9, earlier)).toBe(earlier);
    for (const size of [8, 10]) expect(await envelopeOf(size, earlier)).not.toBe(earlier);
  });

  it('refuses any other key', async () => {
    const key = bytes(1);
    expect(() => withKeys([])).toThrow(TypeError);
    for (const id of ['', 'a.b', 'ü', 'x'.repeat(65)]) expect(() => withKeys([{ id, key }])).toThrow(TypeError);
    expect(() => withKeys([{ id: 'k', key: new Uint8Array(16) }])).toThrow('32 bytes');
    const twice = [key, key].map((each) => ({ id: 'k', key: each }));
    expect(() => withKeys(twice)).toThrow('same id');
    const encryptsOnly = await importKey(['encrypt']);
    const counter = await importKey(['encrypt', 'decrypt'], 1, 'AES-CTR');
    const decryptsOnly = await importKey(['decrypt']);
    const short = await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt', 'decrypt']);
    for (const unfit of [encryptsOnly, decryptsOnly, short, counter]) {
      expect(() => withKeys([{ id: 'k', key: unfit }])).toThrow('AES-GCM key of 256 bits');
    }
  });
});

describe('a context', () => {
  it('must be the same again', async () => {
    const keys = [{ id: 'k', key: bytes(1) }];
    const file = await encrypted(withKeys(keys, { context: 'case-42' }));
    expect(await file.opens(withKeys(keys, { context: 'case-42' }))).toBe(9);
    for (const context of [undefined, '', 'case-43', 'case-42\n']) {
      await expect(file.opens(withKeys(keys, { context }))).rejects.toEqual(code('wrong-key'));
    }
    const plain = await encrypted(withKeys(keys));
    await expect(plain.opens(withKeys(keys, { context: '' }))).rejects.toEqual(code('wrong-key'));
    expect(file.envelope).not.toContain('case');
  });

  it('is bound to a password as well, and can be changed by wrapping the key again', async () => {
    const [one, two] = ['case-1', 'case-2'].map((context) => withPassword('secret', { context }));
    if (one === undefined || two === undefined) throw new Error('two contexts');
    const file = await encrypted(one);
    await expect(file.opens(two)).rejects.toEqual(code('wrong-key'));
    expect(await file.opens(two, await rewrap(file.envelope, one, two))).toBe(9);
  });
});

describe('withPassword', () => {
  it('opens with the same password, in any form of Unicode, and with no other', async () => {
    const file = await encrypted(withPassword('Grüße'));
    expect(await file.opens(withPassword('Gru\u0308ße'))).toBe(9);
    await expect(file.opens(withPassword('Grüsse'))).rejects.toEqual(code('wrong-key'));
    await expect(file.opens(withKeys([{ id: 'k', key: bytes(1) }]))).rejects.toEqual(code('unknown-key'));
  });

  it('has a salt for each instance, and at least 600,000 iterations', async () => {
    const salts = new Set<string | undefined>();
    for (const encryption of [withPassword('a'), withPassword('a')]) {
      const [, , , , , iterations, salt] = (await encrypted(encryption)).envelope.split('.');
      expect(iterations).toBe('600000');
      salts.add(salt);
    }
    expect(salts.size).toBe(2);
    for (const iterations of [599_999, 10_000_001, 600_000.5, Number.NaN]) {
      expect(() => withPassword('a', { iterations })).toThrow(TypeError);
    }
    expect(() => withPassword('')).toThrow(TypeError);
  });

  it('refuses an envelope that makes guessing cheap, or opening endless', async () => {
    const file = await encrypted(withPassword('a'));
    for (const iterations of ['1', '599999', '10000001']) {
      const changed = file.envelope.replace('.600000.', `.${iterations}.`);
      await expect(file.opens(withPassword('a'), changed)).rejects.toEqual(code('unsupported'));
    }
  });
});

describe('rewrap', () => {
  it('replaces the key and nothing else', async () => {
    const old = withKeys([{ id: 'old', key: bytes(1) }]);
    const both = withKeys([
      { id: 'new', key: bytes(2) },
      { id: 'old', key: bytes(1) },
    ]);
    const file = await encrypted(old);
    const envelope = await rewrap(file.envelope, both);
    expect(readEnvelope(envelope)).toEqual({ ...readEnvelope(file.envelope), keyId: 'new' });
    expect(await file.opens(withKeys([{ id: 'new', key: bytes(2) }]), envelope)).toBe(9);
    await expect(file.opens(old, envelope)).rejects.toEqual(code('unknown-key'));
  });

  it('turns a password into a key, and back; the wrong password into nothing', async () => {
    const password = withPassword('secret');
    const keys = withKeys([{ id: 'k', key: bytes(1) }]);
    const file = await encrypted(password);
    const byKey = await rewrap(file.envelope, password, keys);
    expect(await file.opens(keys, byKey)).toBe(9);
    expect(await file.opens(password, await rewrap(byKey, keys, password))).toBe(9);
    await expect(rewrap(file.envelope, withPassword('wrong'), keys)).rejects.toEqual(code('wrong-key'));
  });
});

describe('a large file', () => {
  it('is encrypted where it is read: its last part without the ones before', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'signpost-large-'));
    try {
      const path = join(directory, 'large.bin');
      const size = 3 * 1024 ** 3;
      const handle = await open(path, 'w');
      await handle.write('the end', size - 7);
      await handle.close();
      const encryption = withKeys([{ id: 'k', key: bytes(1) }]);
      const content = await encryption.encrypt(await openAsBlob(path), 'text/plain');
      const chunks = Math.ceil(size / PLAIN_BYTES);
      expect(content.size).toBe(size + 16 * chunks);
      const read = async function* (start: number, end: number) {
        yield new Uint8Array(await (await content.read(start, end)).arrayBuffer());
      };
      const end = await collect(encryption, content.envelope, { size: content.size, read }, { start: size - 10 });
      expect(end.toString()).toBe('\0\0\0the end');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
