import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from './s3-fixture.ts';

const sse = (bytes: Buffer) => ({ SSECustomerAlgorithm: 'AES256', SSECustomerKey: bytes.toString('base64') });
const sourceSse = (bytes: Buffer) => ({
  CopySourceSSECustomerAlgorithm: 'AES256',
  CopySourceSSECustomerKey: bytes.toString('base64'),
});
const OWN = randomBytes(32);
const OTHER = randomBytes(32);
const PREFIX = 'x-amz-server-side-encryption-customer-';

let s3: Fixture;
let Bucket: string;
beforeAll(async () => {
  s3 = await startFixture();
  Bucket = s3.bucket;
});
afterAll(() => s3.stop());

async function read(Key: string, key: Buffer | null, Range?: string): Promise<Buffer> {
  const command = new GetObjectCommand({ Bucket, Key, ...(key && sse(key)), ...(Range !== undefined && { Range }) });
  const { Body } = await s3.client.send(command);
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** Comparing megabytes by `toEqual` takes seconds. */
const expectSame = (found: Buffer, wanted: Buffer) => expect(found.equals(wanted)).toBe(true);

const put = (Key: string, Body: Buffer, key = OWN) =>
  s3.client.send(new PutObjectCommand({ Bucket, Key, Body, ...sse(key) }));
const dataFolder = () => join(s3.directory, 'buckets', Bucket, 'data');
const dataFiles = async () => {
  const names = await readdir(dataFolder());
  return Promise.all(names.map((name) => readFile(join(dataFolder(), name))));
};

describe('SSE-C', () => {
  it('stores no byte in the clear, and answers the key’s MD5, but neither key nor an ETag of the bytes', async () => {
    const body = Buffer.from('a secret of one patient'.repeat(1000));
    const answer = await put('clear', body);
    const md5 = createHash('md5').update(OWN).digest('base64');
    expect(answer).toMatchObject({ SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: md5 });
    expect(answer.ETag).not.toContain(createHash('md5').update(body).digest('hex'));
    expectSame(await read('clear', OWN), body);
    for (const file of await dataFiles()) expect(file.includes('secret of one patient')).toBe(false);
    const [record = ''] = await readdir(join(s3.directory, 'buckets', Bucket, 'objects'));
    const text = await readFile(join(s3.directory, 'buckets', Bucket, 'objects', record), 'utf8');
    for (const secret of [OWN.toString('base64'), OWN.toString('hex'), md5]) expect(text).not.toContain(secret);
  });

  it('reads every range of every size around the chunks', async () => {
    const chunk = 64 * 1024;
    for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 5]) {
      const body = randomBytes(size);
      await put('ranges', body);
      expectSame(await read('ranges', OWN), body);
      const edges = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, size - 1].filter((at) => at >= 0 && at < size);
      for (const start of edges) {
        for (const end of edges.filter((at) => at >= start)) {
          expectSame(await read('ranges', OWN, `bytes=${start}-${end}`), body.subarray(start, end + 1));
        }
      }
    }
  });

  it('refuses HEAD, GET and attributes without the key or with another one, as S3 does', async () => {
    await put('refused', Buffer.from('x'));
    await s3.client.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'x' }));
    await expect(read('refused', null)).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(read('refused', OTHER)).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(read('plain', OWN)).rejects.toMatchObject({ name: 'InvalidRequest' });
    const statusOf = async (key: Buffer | null) => {
      const command = new HeadObjectCommand({ Bucket, Key: 'refused', ...(key && sse(key)) });
      return s3.client
        .send(command)
        .catch((error) => error)
        .then(({ $metadata }) => $metadata.httpStatusCode);
    };
    expect([await statusOf(null), await statusOf(OTHER), await statusOf(OWN)]).toEqual([400, 403, 200]);
    const attributes = { Bucket, Key: 'refused', ObjectAttributes: ['ObjectSize' as const] };
    await expect(s3.client.send(new GetObjectAttributesCommand(attributes))).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
    const size = await s3.client.send(new GetObjectAttributesCommand({ ...attributes, ...sse(OWN) }));
    expect(size.ObjectSize).toBe(1);
  });

  it.each([
    ['another algorithm', { algorithm: 'AES128' }, 'InvalidEncryptionAlgorithmError'],
    ['no algorithm', { algorithm: '' }, 'InvalidArgument'],
    ['no key', { key: '' }, 'InvalidArgument'],
    ['a longer key', { key: 'A'.repeat(44) }, 'InvalidArgument'],
    ['a shorter key', { key: OWN.subarray(1).toString('base64') }, 'InvalidArgument'],
    ['no MD5', { 'key-md5': '' }, 'InvalidArgument'],
    ['the MD5 of another key', { 'key-md5': createHash('md5').update(OTHER).digest('base64') }, 'InvalidArgument'],
  ])('refuses %s, and stores nothing', async (_, change, code) => {
    const md5 = createHash('md5').update(OWN).digest('base64');
    const parts = { algorithm: 'AES256', key: OWN.toString('base64'), 'key-md5': md5, ...change };
    const headers = Object.fromEntries(Object.entries(parts).map(([name, value]) => [PREFIX + name, value]));
    const command = new PutObjectCommand({ Bucket, Key: 'bad', Body: 'x' });
    command.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { headers: Record<string, string> }).headers, headers);
        return next(args);
      },
      { step: 'build' },
    );
    await expect(s3.client.send(command)).rejects.toMatchObject({ name: code });
    await expect(read('bad', OWN)).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('finds every change to the bytes on disk', async () => {
    await put('changed', randomBytes(200_000));
    const names = await readdir(dataFolder());
    const sizes = await Promise.all(names.map(async (name) => (await readFile(join(dataFolder(), name))).length));
    const path = join(dataFolder(), names[sizes.indexOf(200_000 + 4 * 16)] ?? '');
    const sealed = await readFile(path);
    const chunk = 64 * 1024 + 16;
    const swapped = Buffer.concat([
      sealed.subarray(chunk, 2 * chunk),
      sealed.subarray(0, chunk),
      sealed.subarray(2 * chunk),
    ]);
    const flipped = Buffer.from(sealed);
    flipped[70_000] = (flipped[70_000] ?? 0) ^ 1;
    for (const bytes of [swapped, flipped]) {
      await writeFile(path, bytes);
      await expect(read('changed', OWN)).rejects.toThrow();
    }
    await writeFile(path, sealed);
    expect((await read('changed', OWN)).length).toBe(200_000);
  });

  it('copies from one key to another, also onto itself, and never without the source’s key', async () => {
    const body = randomBytes(100_000);
    await put('source', body);
    const copy = (Key: string, more: object) =>
      s3.client.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/source`, ...more }));
    await expect(copy('copy', {})).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(copy('copy', sourceSse(OTHER))).rejects.toMatchObject({ name: 'AccessDenied' });
    await copy('copy', { ...sourceSse(OWN), ...sse(OTHER) });
    expectSame(await read('copy', OTHER), body);
    await copy('clear-copy', sourceSse(OWN));
    expectSame(await read('clear-copy', null), body);
    await copy('source', { ...sourceSse(OWN), ...sse(OTHER) });
    expectSame(await read('source', OTHER), body);
    await expect(read('source', OWN)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('takes parts with the upload’s key only, and puts them together', async () => {
    const Key = 'parts';
    const begin = { Bucket, Key, ...sse(OWN), ChecksumAlgorithm: 'SHA256' as const };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(begin));
    const first = randomBytes(5 * 1024 ** 2 + 3);
    const upload = (PartNumber: number, Body: Buffer, key: Buffer | null) =>
      s3.client.send(
        new UploadPartCommand({
          Bucket,
          Key,
          UploadId,
          PartNumber,
          Body,
          ...(key && sse(key)),
          ChecksumAlgorithm: 'SHA256',
        }),
      );
    await expect(upload(1, first, null)).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(upload(1, first, OTHER)).rejects.toMatchObject({ name: 'InvalidRequest' });
    const one = await upload(1, first, OWN);
    await put('of-part', Buffer.from('the end'), OTHER);
    const source = { CopySource: `${Bucket}/of-part`, ...sourceSse(OTHER), ...sse(OWN) };
    const two = await s3.client.send(new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber: 2, ...source }));
    const part = { Bucket, Key, UploadId };
    await expect(s3.client.send(new ListPartsCommand(part))).rejects.toMatchObject({ name: 'InvalidRequest' });
    const { Parts = [] } = await s3.client.send(new ListPartsCommand({ ...part, ...sse(OWN) }));
    expect(Parts.map(({ ETag }) => ETag)).toEqual([one.ETag, two.CopyPartResult?.ETag]);
    const list = Parts.map(({ PartNumber, ETag, ChecksumSHA256 }) => ({ PartNumber, ETag, ChecksumSHA256 }));
    const complete = { ...part, MultipartUpload: { Parts: list } };
    await expect(s3.client.send(new CompleteMultipartUploadCommand(complete))).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
    await s3.client.send(new CompleteMultipartUploadCommand({ ...complete, ...sse(OWN) }));
    expectSame(await read(Key, OWN), Buffer.concat([first, Buffer.from('the end')]));
    const across = await read(Key, OWN, `bytes=${first.length - 2}-${first.length + 2}`);
    expectSame(across, Buffer.concat([first.subarray(-2), Buffer.from('the')]));
  });
});
