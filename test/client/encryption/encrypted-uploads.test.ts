import { CopyObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createFiles,
  createSignpost,
  type FilesOptions,
  type Progress,
  type StoredFile,
} from '../../../src/client/create-signpost.ts';
import { CHUNK_BYTES, storedBytes } from '../../../src/client/encryption/chunk-cipher.ts';
import {
  type FileEncryption,
  readEnvelope,
  rewrap,
  withKeys,
  withPassword,
} from '../../../src/client/encryption/with-keys.ts';
import { toUserId, type UserId } from '../../../src/contract/object-key.ts';
import { importFiles } from '../../../src/jobs/import-files.ts';
import { rebuildFiles } from '../../../src/jobs/rebuild-files.ts';
import { mint } from '../../helpers/test-service.ts';
import { runBlock } from '../run-block.ts';
import { createStorage, cutOff, PART, startServiceForClients, textFile, threeParts } from '../service-for-clients.ts';

let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients();
});
afterAll(() => host.close());

const bytes = (fill: number) => new Uint8Array(32).fill(fill);
const encryption = withKeys([{ id: 'k1', key: bytes(1) }]);
const code = (value: string) => expect.objectContaining({ code: value });
const filesOf = async (user: string, options: Partial<FilesOptions> = {}) =>
  createFiles({ url: host.url, token: await mint(user), sleep: async () => {}, encryption, ...options });
const equals = async (one: Blob, two: Blob) =>
  Buffer.from(await one.arrayBuffer()).equals(Buffer.from(await two.arrayBuffer()));

describe('an encrypted upload', () => {
  it('is told apart by its row, and comes back as it was', async () => {
    const client = await host.client('alice', { encryption });
    const file = textFile('a diagnosis', 'report.txt');
    const stored = await client.upload(file, { metadata: { a: 'b' } });
    expect(stored).toMatchObject({ fileName: 'report.txt', contentType: 'text/plain', metadata: { a: 'b' } });
    expect(stored).toMatchObject({ size: storedBytes(file.size), detectedContentType: null });
    expect(readEnvelope(stored.encryption ?? '')).toEqual({ size: 11, contentType: 'text/plain', keyId: 'k1' });
    expect((await client.stored()).join()).not.toContain('diagnosis');
    expect(await equals(await (await filesOf('alice')).download(stored.fileId), file)).toBe(true);
  });

  it('may be empty', async () => {
    const client = await host.client('alice', { encryption });
    const { fileId, size } = await client.upload(new File([], 'empty.txt'));
    expect(size).toBe(16);
    expect((await (await filesOf('alice')).download(fileId)).size).toBe(0);
  });

  it('is sent in parts, hashed on request, and reports progress in bytes of the file', async () => {
    const client = await host.client('alice');
    const file = threeParts();
    const told: Progress[] = [];
    const options = { encryption, onProgress: (progress: Progress) => told.push(progress) };
    for (const checksum of [false, true]) {
      const { fileId, checksumSha256 } = await client.upload(file, { ...options, checksum });
      expect(checksumSha256 === null).toBe(!checksum);
      expect(await equals(await (await filesOf('alice')).download(fileId), file)).toBe(true);
    }
    expect(told.at(-1)).toEqual({ sentBytes: file.size, totalBytes: file.size });
    expect(told.every(({ sentBytes }) => sentBytes <= file.size)).toBe(true);
    const whole = await client.upload(textFile('hashed'), { encryption, checksum: true });
    expect(whole.checksumSha256).not.toBeNull();
  });

  it('is not encrypted on request', async () => {
    const client = await host.client('alice', { encryption });
    const { encryption: envelope, size } = await client.upload(textFile('plain'), { encryption: null });
    expect([envelope, size]).toEqual([null, 5]);
  });

  it('continues after a reload with the missing parts, and the same key', async () => {
    const storage = createStorage();
    const file = threeParts('a long film ');
    const options = { storage, encryption, maxAttempts: 1, parallelParts: 1 };
    const first = await host.client('bob', options, ({ what }, send) => (what === 'PUT 3' ? cutOff() : send()));
    await expect(first.upload(file)).rejects.toEqual(code('network-error'));
    expect(storage.length).toBe(1);
    const again = await host.client('bob', options);
    const { fileId } = await again.upload(file);
    expect(again.sent.filter((what) => what.startsWith('PUT'))).toEqual(['PUT 3']);
    expect(await equals(await (await filesOf('bob')).download(fileId), file)).toBe(true);
    expect(storage.length).toBe(0);
  });

  it('begins again after a reload with another key, without encryption, or as a blob that has no date', async () => {
    const storage = createStorage();
    const dated = threeParts('private ');
    const undated = new Blob([dated]);
    const other = withKeys([{ id: 'k2', key: bytes(2) }]);
    const options = { storage, maxAttempts: 1, parallelParts: 1 };
    const cases = [
      [dated, encryption, dated, other],
      [dated, encryption, dated, null],
      [dated, null, dated, encryption],
      [undated, encryption, undated, encryption],
    ] as const;
    for (const [first, before, second, after] of cases) {
      storage.clear();
      const broken = await host.client('carol', options, ({ what }, send) => (what === 'PUT 3' ? cutOff() : send()));
      await expect(broken.upload(first, { encryption: before })).rejects.toEqual(code('network-error'));
      const client = await host.client('carol', options);
      const stored = await client.upload(second, { encryption: after });
      expect(client.count('PUT 1')).toBe(1);
      const files = await filesOf('carol', { encryption: after });
      expect(await equals(await files.download(stored.fileId), dated)).toBe(true);
    }
  });

  it('is confirmed by whoever finds it, since the bucket has all that confirming needs', async () => {
    let key = '';
    const client = await host.client('dora', { encryption, maxAttempts: 1 }, ({ what, url }, send) => {
      if (what === 'PUT whole') key = new URL(url).pathname.slice(host.service.bucket.name.length + 2);
      return what === 'POST /confirm-upload' ? cutOff() : send();
    });
    await expect(client.upload(textFile('orphan'))).rejects.toEqual(code('network-error'));
    const { body } = await host.service.confirm('dora', key);
    expect(body).toMatchObject({ encryption: expect.stringMatching(/^1\./), contentType: 'text/plain' });
  });
});

describe('an encrypted object that was copied by other means', () => {
  it('can be decrypted after it was imported, adopted, or its row was rebuilt', async () => {
    const file = textFile('moved', 'Łódź.txt');
    const uploaded = await (await host.client('nina', { encryption })).upload(file, { metadata: { a: 'ü' } });
    const { bucket, services, database } = host.service;
    const from = { Bucket: bucket.name, CopySource: `${bucket.name}/${uploaded.objectKey}` };
    const name = uploaded.objectKey.split('/').at(-1);
    for (const Key of [`moved/${name}`, `omar/${name}`]) {
      await bucket.client.send(new CopyObjectCommand({ ...from, Key }));
    }
    const target = { owner: toUserId('olga') as UserId, recordId: null, documentType: null };
    expect(await importFiles({ ...services, files: services.filesWithoutQuota }, 'moved/', target)).toMatchObject({
      imported: 1,
    });
    const adopted = await host.service.call('omar', '/confirm-upload', { objectKey: `omar/${name}`, adopt: true });
    expect(adopted.status).toBe(201);
    await database.query(`delete from files where owner_id = 'nina'`);
    await rebuildFiles(services);

    for (const user of ['olga', 'omar', 'nina']) {
      const files = await filesOf(user);
      const { value } = await files.list().next();
      const [found] = value?.files ?? [];
      const { fileName, contentType, metadata, encryption: envelope, detectedContentType } = uploaded;
      expect(found, user).toMatchObject({ fileName, contentType, metadata, encryption: envelope, detectedContentType });
      expect(await equals(await files.download(found?.fileId ?? ''), file)).toBe(true);
    }
  });
});

describe('an encrypted download', () => {
  it('reads a range, and only the chunks that it is in', async () => {
    const client = await host.client('erin', { encryption });
    const file = threeParts('range ');
    const { fileId } = await client.upload(file);
    const asked: (string | null)[] = [];
    const files = await filesOf('erin', {
      fetch: (input, init) => {
        if (!String(input).startsWith(host.url)) asked.push(new Headers(init?.headers).get('range'));
        return fetch(input, init);
      },
    });
    const told: Progress[] = [];
    const range = await files.download(fileId, {
      start: 70_000,
      end: 70_010,
      onProgress: (progress) => told.push(progress),
    });
    expect(await equals(range, file.slice(70_000, 70_010))).toBe(true);
    expect(asked).toEqual([`bytes=${CHUNK_BYTES}-${2 * CHUNK_BYTES - 1}`]);
    expect(told).toEqual([{ sentBytes: 10, totalBytes: 10 }]);
    expect(await equals(await files.download(fileId, { start: 2 * PART }), file.slice(2 * PART))).toBe(true);
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const sink = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(new Uint8Array(chunk)) });
    await files.downloadTo(fileId, sink, { end: 100_000 });
    expect(await equals(new Blob(chunks), file.slice(0, 100_000))).toBe(true);
  });

  it('continues where the connection broke', async () => {
    const { fileId } = await (await host.client('finn', { encryption })).upload(threeParts());
    let breaks = 2;
    const files = await filesOf('finn', {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (String(input).startsWith(host.url) || breaks-- <= 0) return response;
        return new Response(response.body?.pipeThrough(breakAfter(100_000)), response);
      },
    });
    expect(await equals(await files.download(fileId), threeParts())).toBe(true);
    expect(breaks).toBeLessThan(0);
  });

  it('is the stored bytes without encryption; a plain file is refused with it', async () => {
    const client = await host.client('gina');
    const plain = await client.upload(textFile('plain'));
    const secret = await client.upload(textFile('secret'), { encryption });
    const files = await filesOf('gina');
    await expect(files.download(plain.fileId)).rejects.toEqual(code('not-encrypted'));
    expect(await (await files.download(plain.fileId, { encryption: null })).text()).toBe('plain');
    const stored = await files.download(secret.fileId, { encryption: null });
    expect(stored.size).toBe(6 + 16);
    const other = withKeys([{ id: 'k1', key: bytes(9) }]);
    await expect(files.download(secret.fileId, { encryption: other })).rejects.toEqual(code('wrong-key'));
  });

  it('is refused if another file has replaced it', async () => {
    const client = await host.client('hugo', { encryption });
    const [one, two] = [await client.upload(textFile('pay 10')), await client.upload(textFile('pay 99'))];
    const { client: s3, name: Bucket, read } = host.service.bucket;
    const Body = await read(two.objectKey);
    await s3.send(new PutObjectCommand({ Bucket, Key: one.objectKey, Body: Body ?? '' }));
    await expect((await filesOf('hugo')).download(one.fileId)).rejects.toEqual(code('tampered'));
  });

  it('needs a new key only, when the key is wrapped again', async () => {
    const { fileId, encryption: envelope } = await (await host.client('ines', { encryption })).upload(textFile('x'));
    const keys = [
      { id: 'k2', key: bytes(2) },
      { id: 'k1', key: bytes(1) },
    ];
    const files = await filesOf('ines', { encryption: withKeys(keys) });
    await files.update(fileId, { encryption: await rewrap(envelope ?? '', withKeys(keys)) });
    const newest = await filesOf('ines', { encryption: withKeys(keys.slice(0, 1)) });
    expect(await (await newest.download(fileId)).text()).toBe('x');
    await expect((await filesOf('ines')).download(fileId)).rejects.toEqual(code('unknown-key'));
  });
});

describe('docs/client-encryption.md', () => {
  const functions = { createFiles, createSignpost, withKeys, withPassword, readEnvelope, rewrap };
  const given = { ...functions, key: bytes(1), newKey: bytes(2), file: textFile('0123456789') };
  const scopeOf = async (user: string) => ({ ...given, url: host.url, token: await mint(user) });

  it('uploads, and downloads the whole and a range', async () => {
    const result = await runBlock<{ blob: Blob; part: Blob }>(
      'client-encryption',
      'signpost.upload',
      await scopeOf('jan'),
      '{ blob, part }',
    );
    expect(await Promise.all([result.blob.text(), result.part.text()])).toEqual(['0123456789', '234']);
  });

  it('binds a file to its record', async () => {
    const scope = await scopeOf('kai');
    const page = { ...scope, signpost: createSignpost({ url: host.url, token: scope.token }) };
    const used = await runBlock<FileEncryption>('client-encryption', "context: 'case-42'", page, 'encryption');
    const { value } = await (await filesOf('kai')).list({ recordId: 'case-42' }).next();
    const [stored] = value?.files ?? [];
    const open = async (by: FileEncryption) =>
      (await (await filesOf('kai', { encryption: by })).download(stored?.fileId ?? '')).text();
    expect(await open(used)).toBe('0123456789');
    const ofOther = withKeys([{ id: '2026', key: bytes(1) }], { context: 'case-43' });
    await expect(open(ofOther)).rejects.toEqual(code('wrong-key'));
  });

  it('opens a file by a password', async () => {
    const client = await host.client('kim', { encryption: withPassword('correct horse') });
    const { fileId } = await client.upload(textFile('words'));
    const scope = { ...(await scopeOf('kim')), fileId, password: 'correct horse' };
    expect(await (await runBlock<Blob>('client-encryption', 'withPassword', scope, 'blob')).text()).toBe('words');
  });

  it('wraps the keys of all files again, and only of those', async () => {
    const client = await host.client('lea', { encryption: withKeys([{ id: '2026', key: bytes(1) }]) });
    for (const name of ['a', 'b', 'c']) await client.upload(textFile(name));
    const plain = await client.upload(textFile('plain'), { encryption: null });
    const files = await filesOf('lea', { encryption: withKeys([{ id: '2027', key: bytes(2) }]) });
    await runBlock('client-encryption', 'await rewrap', { ...(await scopeOf('lea')), files }, 'both');
    const all: StoredFile[] = [];
    for await (const page of files.list()) all.push(...page.files);
    const texts = all.map(async ({ fileId }) => {
      const isPlain = fileId === plain.fileId;
      return (await files.download(fileId, isPlain ? { encryption: null } : {})).text();
    });
    expect((await Promise.all(texts)).sort()).toEqual(['a', 'b', 'c', 'plain']);
  });
});

/** Lets so many bytes through, then fails. */
function breakAfter(mostBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let left = mostBytes;
  return new TransformStream({
    transform: (chunk, controller) => {
      left -= chunk.length;
      if (left < 0) controller.error(new TypeError('the connection broke'));
      else controller.enqueue(chunk);
    },
  });
}
