import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, KEYS, outcome, startFixture } from './s3-fixture.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

async function put(key: string, headers: Record<string, string>, body = 'hello'): Promise<string> {
  const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: key }));
  return outcome(await s3.raw({ method: 'PUT', path, headers, body: Buffer.from(body) }));
}

async function read(key: string): Promise<string> {
  const path = await s3.presign(new GetObjectCommand({ Bucket: s3.bucket, Key: key }));
  const answer = await s3.raw({ method: 'GET', path });
  return answer.status === 200 ? answer.body.toString() : outcome(answer);
}

function incomingFiles(): Promise<string[]> {
  return readdir(join(s3.directory, 'incoming'));
}

function openSocket(): Promise<Socket> {
  const { port } = new URL(s3.server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('a PutObject of the SDK with its default settings', () => {
  it('is stored with the checksum the SDK adds', async () => {
    const client = new S3Client({
      endpoint: s3.server.url,
      region: KEYS.region,
      credentials: KEYS,
      forcePathStyle: true,
    });
    const input = { Bucket: s3.bucket, Key: 'defaults' };
    const stored = await client.send(new PutObjectCommand({ ...input, Body: '123456789' }));
    expect(stored.ChecksumCRC32).toBe('y/Q5Jg==');
    const answer = await client.send(new GetObjectCommand(input));
    expect(await answer.Body?.transformToString()).toBe('123456789');
    client.destroy();
  });
});

describe('the length of a PutObject', () => {
  it('answers MissingContentLength without a length, chunked or not', async () => {
    expect(await put('unsized', { 'transfer-encoding': 'chunked' })).toBe('411 MissingContentLength');
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: 'unsized' }));
    const socket = await openSocket();
    socket.end(`PUT ${path} HTTP/1.1\r\nHost: ${new URL(s3.server.url).host}\r\nConnection: close\r\n\r\n`);
    expect((await socket.toArray()).join('')).toMatch(/^HTTP\/1.1 411 /);
  });

  it('answers EntityTooLarge over 5 GiB', async () => {
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: 'too-large' }));
    const socket = await openSocket();
    const host = new URL(s3.server.url).host;
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5368709121\r\n\r\n`);
    const [answer] = await socket.take(1).toArray();
    expect(String(answer)).toMatch(/^HTTP\/1.1 400 .*EntityTooLarge/s);
    socket.destroy();
  });

  it('leaves nothing behind if the client disconnects before the end', async () => {
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: 'cut-off' }));
    const socket = await openSocket();
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: ${new URL(s3.server.url).host}\r\nContent-Length: 2000000\r\n\r\n`);
    socket.write(Buffer.alloc(1_500_000));
    await expect.poll(incomingFiles).toHaveLength(1);
    socket.destroy();
    await expect.poll(incomingFiles).toHaveLength(0);
    expect(await read('cut-off')).toBe('404 NoSuchKey');
  });
});

describe('the digests of a PutObject', () => {
  const digest = (algorithm: string, body = 'hello') => createHash(algorithm).update(body).digest('base64');

  it('Content-MD5 is compared', async () => {
    expect(await put('md5', { 'content-md5': digest('md5', 'other') })).toBe('400 BadDigest');
    expect(await put('md5', { 'content-md5': 'AAAA' })).toBe('400 InvalidDigest');
    expect(await read('md5')).toBe('404 NoSuchKey');
    expect(await put('md5', { 'content-md5': digest('md5') })).toBe('200');
  });

  const CHECKSUMS: [string, PutObjectCommandInput['ChecksumAlgorithm'], string, string][] = [
    ['ChecksumSHA256', 'SHA256', digest('sha256', '123456789'), digest('sha256', 'other')],
    ['ChecksumCRC32', 'CRC32', 'y/Q5Jg==', 'y/Q5Jw=='],
    ['ChecksumCRC32C', 'CRC32C', '4waSgw==', '4waShA=='],
    ['ChecksumCRC64NVME', 'CRC64NVME', 'rosUhgp5mIg=', 'rosUhgp5mIk='],
  ];

  it.each(CHECKSUMS)('%s is compared, kept and returned', async (member, ChecksumAlgorithm, right, wrong) => {
    const input = { Bucket: s3.bucket, Key: member };
    const send = (value: string) =>
      s3.client.send(new PutObjectCommand({ ...input, Body: '123456789', ChecksumAlgorithm, [member]: value }));
    await expect(send(wrong)).rejects.toMatchObject({ name: 'BadDigest', $metadata: { httpStatusCode: 400 } });
    await expect(send('AAAA')).rejects.toMatchObject({ name: 'InvalidRequest' });
    expect(await read(member)).toBe('404 NoSuchKey');
    expect(await send(right)).toMatchObject({ [member]: right, ChecksumType: 'FULL_OBJECT' });
    const head = await s3.client.send(new HeadObjectCommand({ ...input, ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ [member]: right, ChecksumType: 'FULL_OBJECT' });
    const get = await s3.client.send(new GetObjectCommand({ ...input, ChecksumMode: 'ENABLED' }));
    expect(get).toMatchObject({ [member]: right });
    await get.Body?.transformToByteArray();
    const unasked = await s3.client.send(new HeadObjectCommand(input));
    expect(unasked).not.toHaveProperty(member);
    const part = await s3.client.send(new HeadObjectCommand({ ...input, ChecksumMode: 'ENABLED', Range: 'bytes=0-1' }));
    expect(part).not.toHaveProperty(member);
  });

  it('may be one checksum, not two', async () => {
    const two = { ChecksumCRC32: 'y/Q5Jg==', ChecksumCRC32C: '4waSgw==' };
    const command = new PutObjectCommand({ Bucket: s3.bucket, Key: 'two', Body: '123456789', ...two });
    await expect(s3.client.send(command)).rejects.toMatchObject({ name: 'InvalidRequest' });
  });
});

describe('the metadata of a PutObject', () => {
  it('holds 2,048 bytes, names included', async () => {
    const send = (length: number) =>
      s3.client.send(
        new PutObjectCommand({ Bucket: s3.bucket, Key: 'metadata', Body: 'x', Metadata: { name: 'x'.repeat(length) } }),
      );
    await send(2044);
    await expect(send(2045)).rejects.toMatchObject({ name: 'MetadataTooLarge' });
  });

  it('is signed and returned byte for byte, including UTF-8', async () => {
    const name = 'Mietvertrag – Köln 😀';
    const command = new PutObjectCommand({ Bucket: s3.bucket, Key: 'bytes', Metadata: { name } });
    const path = await s3.presign(command, { unhoistableHeaders: new Set(['x-amz-meta-name']) });
    const headers = {
      'x-amz-meta-name': Buffer.from(name).toString('latin1'),
      'content-disposition': Buffer.from(name).toString('latin1'),
    };
    expect(outcome(await s3.raw({ method: 'PUT', path, headers, body: Buffer.from('x') }))).toBe('200');
    for (const [method, read] of [
      ['GET', new GetObjectCommand({ Bucket: s3.bucket, Key: 'bytes' })],
      ['HEAD', new HeadObjectCommand({ Bucket: s3.bucket, Key: 'bytes' })],
    ] as const) {
      expect((await s3.raw({ method, path: await s3.presign(read) })).headers).toMatchObject(headers);
    }
  });
});

describe('a conditional PutObject', () => {
  it('with If-None-Match: * answers 412 if the object exists', async () => {
    expect(await put('once', { 'if-none-match': '*' }, 'first')).toBe('200');
    expect(await put('once', { 'if-none-match': '*' }, 'second')).toBe('412 PreconditionFailed');
    expect(await put('once', { 'if-none-match': '"etag"' })).toBe('501 NotImplemented');
    expect(await read('once')).toBe('first');
  });

  it('with If-Match replaces that object only', async () => {
    const etag = `"${createHash('md5').update('first').digest('hex')}"`;
    expect(await put('versioned', { 'if-match': etag })).toBe('404 NoSuchKey');
    expect(await put('versioned', {}, 'first')).toBe('200');
    expect(await put('versioned', { 'if-match': '"other"' })).toBe('412 PreconditionFailed');
    expect(await put('versioned', { 'if-match': etag }, 'second')).toBe('200');
    expect(await put('versioned', { 'if-match': etag }, 'third')).toBe('412 PreconditionFailed');
    expect(await read('versioned')).toBe('second');
  });

  it('succeeds once among twenty simultaneous ones', async () => {
    for (let round = 0; round < 5; round++) {
      const key = `race-${round}`;
      const bodies = Array.from({ length: 20 }, (_, index) => `body ${index} `.repeat(10_000));
      const outcomes = await Promise.all(bodies.map((body) => put(key, { 'if-none-match': '*' }, body)));
      const winners = bodies.filter((_, index) => outcomes[index] === '200');
      expect(winners).toHaveLength(1);
      expect(outcomes.filter((each) => each === '412 PreconditionFailed')).toHaveLength(19);
      expect(await read(key)).toBe(winners[0]);
    }
    expect(await incomingFiles()).toEqual([]);
  });
});

describe('readers and writers of one key at once', () => {
  it('always see a whole object, and leave one data file', async () => {
    const bodies = ['a', 'b', 'c'].map((letter) => letter.repeat(300_000));
    await put('busy', {}, bodies[0]);
    const before = (await readdir(join(s3.directory, 'buckets', s3.bucket, 'data'))).length;
    const writes = Array.from({ length: 30 }, (_, index) => put('busy', {}, bodies[index % 3]));
    const reads = await Promise.all(Array.from({ length: 60 }, () => read('busy')));
    expect(new Set(await Promise.all(writes))).toEqual(new Set(['200']));
    expect(reads.filter((body) => !bodies.includes(body))).toEqual([]);
    expect(await readdir(join(s3.directory, 'buckets', s3.bucket, 'data'))).toHaveLength(before);
  });
});

describe('Expect: 100-continue', () => {
  async function putExpecting(headers: Record<string, string>) {
    const { hostname, port } = new URL(s3.server.url);
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: 'expected' }));
    return new Promise<{ continued: boolean; status: number; connection: string | undefined }>((resolve, reject) => {
      const all = { ...headers, expect: '100-continue', 'content-length': '5' };
      let continued = false;
      const outgoing = request({ hostname, port, path, method: 'PUT', headers: all }, (incoming) => {
        incoming.resume();
        incoming.on('end', () =>
          resolve({ continued, status: incoming.statusCode ?? 0, connection: incoming.headers.connection }),
        );
      });
      outgoing.on('continue', () => {
        continued = true;
        outgoing.end(Buffer.from('hello'));
      });
      outgoing.on('error', reject);
      outgoing.flushHeaders();
    });
  }

  it('is answered for an acceptable request', async () => {
    expect(await putExpecting({ 'if-none-match': '*' })).toMatchObject({ continued: true, status: 200 });
  });

  it('is not answered for a refused request', async () => {
    const refused = { continued: false, connection: 'close' };
    expect(await putExpecting({ 'if-none-match': '*' })).toEqual({ ...refused, status: 412 });
    expect(await putExpecting({ 'x-amz-meta-a': 'unsigned' })).toEqual({ ...refused, status: 403 });
  });
});

describe('a refused PutObject with a large body', () => {
  it('lets the client read the error', async () => {
    const path = await s3.presign(new PutObjectCommand({ Bucket: 'no-such-bucket', Key: 'k' }));
    const answer = await s3.raw({ method: 'PUT', path, body: Buffer.alloc(64 * 1024 * 1024) });
    expect(outcome(answer)).toBe('404 NoSuchBucket');
    const fetched = await fetch(`${s3.server.url}${path}`, { method: 'PUT', body: Buffer.alloc(64 * 1024 * 1024) });
    expect(fetched.status).toBe(404);
    expect(await fetched.text()).toContain('NoSuchBucket');
  });
});
