import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import * as s3 from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { customerKey } from '../../src/storage/customer-key.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { changedText } from './changed-text.ts';

const CUSTOMER = 'x-amz-server-side-encryption-customer-';
const SOURCE = 'x-amz-copy-source-server-side-encryption-customer-';
const MASTER = randomBytes(32);
const OLDER = randomBytes(32);
const KEYS = `k2:${MASTER.toString('base64')},k1:${OLDER.toString('base64')}`;

type Headers = Record<string, string>;
type Answer = { $metadata: { httpStatusCode?: number | undefined } };
type Download = { presignedUrl: string; headers: Headers };
type File = { fileId: string; objectKey: string };

let service: TestService;
let alices: File;
let mallorys: File;
/** Leaked: a URL of alice's, without and with its key. */
let leaked: Download;
let own: Download;
beforeAll(async () => {
  const env = { SSE_MODE: 'c', SSE_C_MASTER_KEYS: KEYS, PROXY_DOWNLOADS: 'true' };
  service = await startTestService({ env });
  alices = await service.store('alice', 'the secret');
  mallorys = await service.store('mallory', 'her own');
  const download = async (user: string, { fileId }: File) =>
    (await service.call<Download>(user, '/presign-download', { fileId })).body;
  leaked = await download('alice', alices);
  own = await download('mallory', mallorys);
});
afterAll(() => service.close());

const md5 = (key: Buffer) => createHash('md5').update(key).digest('base64');
const headersOf = (key: Buffer): Headers => ({
  [`${CUSTOMER}algorithm`]: 'AES256',
  [`${CUSTOMER}key`]: key.toString('base64'),
  [`${CUSTOMER}key-md5`]: md5(key),
});
const derive = (secret: Buffer, info: string, salt = '') => Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
const rightKey = () => Buffer.from(leaked.headers[`${CUSTOMER}key`] ?? '', 'base64');

/** What somebody who knows neither the key nor a master key might send; null: no such header at all. */
const GUESSES: Record<string, () => Headers> = {
  nothing: () => ({}),
  'the key of her own file': () => own.headers,
  'a key of zeros': () => headersOf(Buffer.alloc(32)),
  'a random key': () => headersOf(randomBytes(32)),
  'the MD5 alone': () => ({ [`${CUSTOMER}key-md5`]: leaked.headers[`${CUSTOMER}key-md5`] ?? '' }),
  'her key with the right MD5': () => ({
    ...own.headers,
    [`${CUSTOMER}key-md5`]: leaked.headers[`${CUSTOMER}key-md5`] ?? '',
  }),
  'the MD5 as a key': () => headersOf(createHash('md5').update(rightKey()).digest()),
  'an empty key': () => headersOf(Buffer.alloc(0)),
  'a key of 31 bytes': () => headersOf(rightKey().subarray(1)),
  'a key of 33 bytes': () => headersOf(Buffer.concat([rightKey(), Buffer.alloc(1)])),
  'one bit changed': () => headersOf(Buffer.from(rightKey().map((byte, index) => (index === 0 ? byte ^ 1 : byte)))),
  'its bytes backwards': () => headersOf(Buffer.from(rightKey()).reverse()),
  'the hash of the object key': () => headersOf(createHash('sha256').update(alices.objectKey).digest()),
  'the ordinary encryption': () => ({ 'x-amz-server-side-encryption': 'AES256' }),
  'the encryption of KMS': () => ({ 'x-amz-server-side-encryption': 'aws:kms' }),
};

/** What somebody who knows a master key and not how keys are derived might send: the format has no shorter form. */
const DERIVATIONS: Record<string, () => Buffer> = {
  'the master key itself': () => MASTER,
  'another master key': () => derive(OLDER, `signpost sse-c v1\n${alices.objectKey}`),
  'another version': () => derive(MASTER, `signpost sse-c v2\n${alices.objectKey}`),
  'no purpose': () => derive(MASTER, alices.objectKey),
  'no object key': () => derive(MASTER, 'signpost sse-c v1\n'),
  'the file’s id alone': () => derive(MASTER, `signpost sse-c v1\n${alices.fileId}`),
  'a slash before the key': () => derive(MASTER, `signpost sse-c v1\n/${alices.objectKey}`),
  'the object key as a salt': () => derive(MASTER, 'signpost sse-c v1\n', alices.objectKey),
  'an HMAC': () => createHmac('sha256', MASTER).update(alices.objectKey).digest(),
};

/** With the bucket's own credentials, and these headers instead of the SDK's. */
async function asOwner(send: (client: s3.S3Client) => Promise<Answer>, headers: Headers): Promise<number> {
  const { client } = service.bucket;
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { headers: Headers }).headers, headers);
      return next(args);
    },
    { step: 'build', name: 'guess' },
  );
  const ended = await send(client).catch((error: Answer) => error);
  client.middlewareStack.remove('guess');
  return ended.$metadata.httpStatusCode ?? 0;
}

const target = () => ({ Bucket: service.bucket.name, Key: alices.objectKey });
const COMMANDS: Record<string, (client: s3.S3Client) => Promise<Answer>> = {
  GET: (client) => client.send(new s3.GetObjectCommand(target())),
  HEAD: (client) => client.send(new s3.HeadObjectCommand(target())),
  'a range': (client) => client.send(new s3.GetObjectCommand({ ...target(), Range: 'bytes=0-0' })),
  attributes: (client) =>
    client.send(new s3.GetObjectAttributesCommand({ ...target(), ObjectAttributes: ['ObjectSize', 'Checksum'] })),
  'a copy': (client) => {
    const { Bucket, Key } = target();
    return client.send(new s3.CopyObjectCommand({ Bucket, Key: 'stolen', CopySource: `${Bucket}/${Key}` }));
  },
};
const askFor = (name: string, headers: Headers) => {
  const sent = Object.entries(headers).map(([header, value]) => [
    name === 'a copy' ? header.replace(CUSTOMER, SOURCE) : header,
    value,
  ]);
  return asOwner(COMMANDS[name] ?? expect.fail(name), Object.fromEntries(sent));
};

describe("an object of alice's in the bucket", () => {
  it.each(Object.keys(COMMANDS))('gives %s with its key', async (name) => {
    expect([200, 206]).toContain(await askFor(name, headersOf(rightKey())));
  });

  for (const name of Object.keys(COMMANDS)) {
    it.each(Object.keys(GUESSES))(`refuses ${name} with %s`, async (guess) => {
      expect([400, 403, 501]).toContain(await askFor(name, GUESSES[guess]?.() ?? {}));
    });
  }

  it.each(Object.keys(DERIVATIONS))('has a key that is not %s', async (name) => {
    const key = DERIVATIONS[name]?.() ?? Buffer.alloc(32);
    expect(key).toHaveLength(32);
    expect(await askFor('GET', headersOf(key))).toBe(403);
  });
});

describe("a leaked URL of alice's", () => {
  it.each(Object.keys(GUESSES))('is no use with %s', async (guess) => {
    const answer = await fetch(leaked.presignedUrl, { headers: GUESSES[guess]?.() ?? {} });
    expect([400, 403]).toContain(answer.status);
    expect(await answer.text()).not.toContain('secret');
  });

  it('is no use with any change of its headers', async () => {
    const name = fc.constantFrom(...Object.keys(leaked.headers).filter((header) => header.startsWith(CUSTOMER)));
    const change = name.chain((header) =>
      changedText(leaked.headers[header] ?? '').map((text) => [header, text] as const),
    );
    await fc.assert(
      fc.asyncProperty(change, async ([header, text]) => {
        fc.pre(text.trim() !== leaked.headers[header] && !text.includes('\0'));
        const { status } = await fetch(leaked.presignedUrl, { headers: { ...leaked.headers, [header]: text } });
        expect([400, 403]).toContain(status);
      }),
      { seed: 20261127, numRuns: 150 },
    );
  });

  it('is no use with the key in its query, and has none', async () => {
    const url = new URL(leaked.presignedUrl);
    for (const secret of [
      rightKey().toString('base64'),
      rightKey().toString('base64url'),
      rightKey().toString('hex'),
    ]) {
      expect(decodeURIComponent(url.href)).not.toContain(secret);
    }
    for (const [name, value] of Object.entries(leaked.headers)) url.searchParams.set(name, value);
    expect((await fetch(url)).status).toBe(403);
  });
});

describe("an upload of mallory's", () => {
  const OTHERS: Record<string, (headers: Headers) => Headers> = {
    'a key of her choice': () => headersOf(Buffer.alloc(32, 1)),
    "alice's key": () => leaked.headers,
    'another MD5': () => ({ [`${CUSTOMER}key-md5`]: md5(Buffer.alloc(32)) }),
    'another algorithm': () => ({ [`${CUSTOMER}algorithm`]: 'AES128' }),
    'an empty key': () => ({ [`${CUSTOMER}key`]: '' }),
    'the encryption of KMS as well': () => ({ 'x-amz-server-side-encryption': 'aws:kms' }),
  };
  it.each(Object.keys(OTHERS))('is refused by the bucket with %s', async (name) => {
    const upload = await service.presign('mallory', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    const { status } = await service.put(upload, 'hello', OTHERS[name]?.(upload.headers) ?? {});
    expect([400, 403]).toContain(status);
    expect((await service.confirm('mallory', upload.objectKey)).status).toBe(404);
  });

  it.each(['algorithm', 'key', 'key-md5'])('is refused without the header %s', async (name) => {
    const upload = await service.presign('mallory', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    const { [`${CUSTOMER}${name}`]: _, ...headers } = upload.headers;
    const { status } = await fetch(upload.presignedUrl, { method: 'PUT', headers, body: 'hello' });
    expect([400, 403]).toContain(status);
  });

  it('is never confirmed, nor removed, if somebody put it under another key of encryption', async () => {
    const upload = await service.presign('mallory', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    const foreign = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: Buffer.alloc(32, 1).toString('base64') };
    await service.bucket.write(upload.objectKey, 'hello', foreign);
    expect((await service.confirm('mallory', upload.objectKey)).status).toBe(503);
    const Key = upload.objectKey;
    const kept = await service.bucket.client.send(
      new s3.GetObjectCommand({ Bucket: service.bucket.name, Key, ...foreign }),
    );
    expect(kept.ContentLength).toBe(5);
  });
});

describe('the service', () => {
  it.each([
    ['/presign-download', (file: File) => ({ fileId: file.fileId })],
    ['/presign-download', (file: File) => ({ objectKey: file.objectKey })],
    ['/presign-download/batch', (file: File) => ({ fileIds: [file.fileId] })],
    ['/confirm-upload', (file: File) => ({ objectKey: file.objectKey })],
    ['/list-parts', (file: File) => ({ objectKey: file.objectKey, uploadId: 'x' })],
    ['/sign-request', (file: File) => ({ method: 'GET', key: file.objectKey })],
  ])("gives mallory nothing of alice's key: %s", async (path, toBody) => {
    const answer = await service.call('mallory', path, toBody(alices));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const text = JSON.stringify([answer.body, [...answer.headers]]);
    for (const value of Object.values(leaked.headers).slice(1)) expect(text).not.toContain(value);
  });

  it('takes no key from a caller', async () => {
    const headers = { authorization: `Bearer ${await mint('mallory')}`, ...headersOf(Buffer.alloc(32)) };
    const { body } = await service.call<Download>(
      'mallory',
      '/presign-download',
      { fileId: mallorys.fileId },
      { headers },
    );
    expect(body.headers).toEqual(own.headers);
    const more = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
    for (const field of ['sseKeyId', 'sseCustomerKey', 'headers', 'SSECustomerKey']) {
      const { status } = await service.call('mallory', '/presign-upload', { ...more, [field]: 'k1' });
      expect(status, field).toBe(400);
    }
  });

  it('derives another key for every object and every master key', () => {
    const name = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
      fc.string({ unit: fc.constantFrom('a', '/', '\n'), minLength: 1, maxLength: 4 }),
    );
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(name, fc.constantFrom('k1', 'k2'), (key, id) => {
        const { key: derived } = customerKey({ id, secret: id === 'k1' ? OLDER : MASTER }, key);
        const of = `${id} ${key}`;
        expect(seen.get(derived) ?? of).toBe(of);
        seen.set(derived, of);
      }),
      { seed: 20261127, numRuns: 500 },
    );
  });
});

describe('SSE_C_MASTER_KEYS', () => {
  const good = MASTER.toString('base64');
  const BAD: Record<string, string> = {
    'no id': good,
    'an empty id': `:${good}`,
    'an id with a slash': `../k1:${good}`,
    'an id with a blank': `k 1:${good}`,
    'an id of 17 characters': `${'k'.repeat(17)}:${good}`,
    'an id beyond ASCII': `k\u00e9:${good}`,
    'a key of 31 bytes': `k1:${MASTER.subarray(1).toString('base64')}`,
    'a key of 33 bytes': `k1:${Buffer.concat([MASTER, Buffer.alloc(1)]).toString('base64')}`,
    'a key of 16 bytes': `k1:${MASTER.subarray(16).toString('base64')}`,
    'a key in hex': `k1:${MASTER.toString('hex')}`,
    'a key in base64url': `k1:${Buffer.alloc(32, 0xfb).toString('base64url')}`,
    'a key without its padding': `k1:${good.replace('=', '')}`,
    'a key with a line break inside': `k1:${good.slice(0, 20)}\n${good.slice(20)}`,
    'a password': 'k1:correct horse battery staple',
    'one id twice': `k1:${good},k1:${OLDER.toString('base64')}`,
    'one key twice': `k1:${good},k2:${good}`,
    'one of two that is wrong': `k1:${good},k2:x`,
    'a third part': `k1:${good}:x`,
    'only commas': ',,',
  };
  it.each(Object.keys(BAD))('is refused at start, and not shown, with %s', (name) => {
    const text = BAD[name] ?? '';
    const parse = () => parseConfig({ SSE_MODE: 'c', SSE_C_MASTER_KEYS: text });
    expect(parse).toThrow('SSE_C_MASTER_KEYS');
    for (const part of text.split(/[:,\n]/).filter((each) => each.length > 8)) expect(parse).not.toThrow(part);
  });
});
