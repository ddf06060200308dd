import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChecksum } from '../../../src/local/s3/checksums/running-checksum.ts';
import { startLocalS3 } from '../../../src/local/s3/start-local-s3.ts';
import { type Fixture, KEYS, newClient, outcome, startFixture } from './s3-fixture.ts';

const MIB = 1024 * 1024;
const FIRST = randomBytes(5 * MIB);
const SECOND = randomBytes(5 * MIB + 1);
const LAST = Buffer.from('the end');
const WHOLE = Buffer.concat([FIRST, SECOND, LAST]);

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

async function begin(Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}): Promise<string> {
  const { UploadId = '' } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket: s3.bucket, Key, ...more }));
  return UploadId;
}

async function sendPart(Key: string, UploadId: string, PartNumber: number, Body: Buffer, more = {}) {
  const command = new UploadPartCommand({ Bucket: s3.bucket, Key, UploadId, PartNumber, Body, ...more });
  const { ETag = '', ChecksumSHA256, ChecksumCRC32, ChecksumCRC64NVME } = await s3.client.send(command);
  return { PartNumber, ETag, ChecksumSHA256, ChecksumCRC32, ChecksumCRC64NVME };
}

function complete(Key: string, UploadId: string, Parts: CompletedPart[], more = {}) {
  const input = { Bucket: s3.bucket, Key, UploadId, MultipartUpload: { Parts }, ...more };
  return s3.client.send(new CompleteMultipartUploadCommand(input));
}

async function read(Key: string, Range?: string): Promise<Buffer> {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key, ...(Range && { Range }) }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** An upload of three parts, not yet completed. */
async function uploadThree(key: string, more: Partial<CreateMultipartUploadCommandInput> = {}) {
  const uploadId = await begin(key, more);
  const parts = [
    await sendPart(key, uploadId, 1, FIRST),
    await sendPart(key, uploadId, 2, SECOND),
    await sendPart(key, uploadId, 7, LAST),
  ];
  return { uploadId, parts };
}

async function dataFiles(): Promise<number> {
  return (await readdir(join(s3.directory, 'buckets', s3.bucket, 'data'))).length;
}

async function uploadDirectories(): Promise<string[]> {
  return readdir(join(s3.directory, 'buckets', s3.bucket, 'uploads'));
}

describe('a multipart upload', () => {
  it('becomes one object with the headers given at its start', async () => {
    const { uploadId, parts } = await uploadThree('whole', {
      ContentType: 'video/mp4',
      CacheControl: 'no-cache',
      Metadata: { name: 'a' },
      ServerSideEncryption: 'AES256',
    });
    expect(parts.map(({ ETag }) => ETag)).toEqual([FIRST, SECOND, LAST].map((bytes) => `"${md5(bytes)}"`));
    await expect(read('whole')).rejects.toMatchObject({ name: 'NoSuchKey' });

    const completed = await complete('whole', uploadId, parts);
    const md5s = [FIRST, SECOND, LAST].map((bytes) => createHash('md5').update(bytes).digest());
    expect(completed.ETag).toBe(`"${md5(Buffer.concat(md5s))}-3"`);
    expect(completed.Location).toBe(`${s3.server.url}/${s3.bucket}/whole`);
    const head = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: 'whole' }));
    expect(head).toMatchObject({
      ETag: completed.ETag,
      ContentLength: WHOLE.length,
      ContentType: 'video/mp4',
      CacheControl: 'no-cache',
      Metadata: { name: 'a' },
      ServerSideEncryption: 'AES256',
    });
    expect(md5(await read('whole'))).toBe(md5(WHOLE));
    expect(await uploadDirectories()).not.toContain(uploadId);
  });

  it.each([
    [0, 9],
    [FIRST.length - 1, FIRST.length],
    [FIRST.length, FIRST.length + SECOND.length - 1],
    [FIRST.length - 3, WHOLE.length - 1],
    [WHOLE.length - LAST.length - 1, WHOLE.length - 2],
    [WHOLE.length - 1, WHOLE.length + 100],
  ])('answers bytes %i to %i across its parts', async (start, end) => {
    const bytes = await read('whole', `bytes=${start}-${end}`);
    expect(bytes.equals(WHOLE.subarray(start, end + 1))).toBe(true);
  });

  it('replaces a part that is sent again, and omits parts that are not listed', async () => {
    const before = await dataFiles();
    const uploadId = await begin('replaced');
    await sendPart('replaced', uploadId, 1, FIRST);
    const part = await sendPart('replaced', uploadId, 1, SECOND);
    await sendPart('replaced', uploadId, 2, LAST);
    expect(await dataFiles()).toBe(before + 2);
    await complete('replaced', uploadId, [part]);
    expect((await read('replaced')).equals(SECOND)).toBe(true);
    expect(await dataFiles()).toBe(before + 1);
  });

  it('replaces an existing object and removes its files', async () => {
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'over', Body: 'old' }));
    const before = await dataFiles();
    const { uploadId, parts } = await uploadThree('over');
    expect((await read('over')).toString()).toBe('old');
    await complete('over', uploadId, parts);
    expect(await dataFiles()).toBe(before + 2);
    await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: 'over' }));
    expect(await dataFiles()).toBe(before - 1);
  });

  it('answers the same when completed again, while its object exists', async () => {
    const { uploadId, parts } = await uploadThree('again');
    const first = await complete('again', uploadId, parts, { IfNoneMatch: '*' });
    expect((await complete('again', uploadId, parts, { IfNoneMatch: '*' })).ETag).toBe(first.ETag);
    await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: 'again' }));
    await expect(complete('again', uploadId, parts)).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });

  it('is completed once by ten simultaneous calls, which all get the same answer', async () => {
    const { uploadId, parts } = await uploadThree('raced');
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => complete('raced', uploadId, parts)));
    const names = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.ETag : answer.reason.name));
    expect(new Set(names).size).toBe(1);
    expect((await read('raced')).equals(WHOLE)).toBe(true);
  });

  it('answers 412 to If-None-Match if the key exists, and stays open', async () => {
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'taken', Body: 'old' }));
    const { uploadId, parts } = await uploadThree('taken');
    await expect(complete('taken', uploadId, parts, { IfNoneMatch: '*' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
    expect((await read('taken')).toString()).toBe('old');
    await complete('taken', uploadId, parts);
    expect((await read('taken')).equals(WHOLE)).toBe(true);
  });

  it('can be read to its end although it is deleted meanwhile', async () => {
    const { uploadId, parts } = await uploadThree('read');
    await complete('read', uploadId, parts);
    const before = await dataFiles();
    const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: 'read' }));
    await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: 'read' }));
    expect(await dataFiles()).toBe(before);
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    expect(bytes.equals(WHOLE)).toBe(true);
    await expect.poll(dataFiles).toBe(before - 3);
  });
});

describe('CompleteMultipartUpload', () => {
  const ETag = `"${md5(FIRST)}"`;
  it.each<[string, CompletedPart[], string]>([
    ['a part that was not uploaded', [{ PartNumber: 3, ETag }], 'InvalidPart'],
    ['another ETag', [{ PartNumber: 1, ETag: `"${md5(LAST)}"` }], 'InvalidPart'],
    [
      'descending numbers',
      [
        { PartNumber: 2, ETag: `"${md5(LAST)}"` },
        { PartNumber: 1, ETag },
      ],
      'InvalidPartOrder',
    ],
    [
      'a repeated number',
      [
        { PartNumber: 1, ETag },
        { PartNumber: 1, ETag },
      ],
      'InvalidPartOrder',
    ],
    ['no parts', [], 'MalformedXML'],
    ['a part without its number', [{ ETag }], 'MalformedXML'],
    ['a part without its ETag', [{ PartNumber: 1 }], 'MalformedXML'],
  ])('refuses %s, and the upload stays open', async (_name, parts, name) => {
    const uploadId = await begin('refused');
    await sendPart('refused', uploadId, 1, FIRST);
    await sendPart('refused', uploadId, 2, LAST);
    await expect(complete('refused', uploadId, parts)).rejects.toMatchObject({ name });
    await expect(read('refused')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await s3.client.send(new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key: 'refused', UploadId: uploadId }));
  });

  it('refuses a part under 5 MiB that is not the last', async () => {
    const uploadId = await begin('small');
    const parts = [await sendPart('small', uploadId, 1, FIRST.subarray(1)), await sendPart('small', uploadId, 2, LAST)];
    await expect(complete('small', uploadId, parts)).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await complete('small', uploadId, parts.slice(0, 1));
    expect((await read('small')).equals(FIRST.subarray(1))).toBe(true);
  });

  it('accepts ETags without quotes, and checks the announced size', async () => {
    const uploadId = await begin('sized');
    const { ETag: quoted } = await sendPart('sized', uploadId, 1, LAST);
    const parts = [{ PartNumber: 1, ETag: quoted.slice(1, -1) }];
    await expect(complete('sized', uploadId, parts, { MpuObjectSize: 8 })).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
    await complete('sized', uploadId, parts, { MpuObjectSize: 7 });
  });

  it('refuses a body that is not a list of parts', async () => {
    const uploadId = await begin('xml');
    for (const body of ['', '<', '<Other/>', '<CompleteMultipartUpload><Other/></CompleteMultipartUpload>']) {
      const command = new CompleteMultipartUploadCommand({ Bucket: s3.bucket, Key: 'xml', UploadId: uploadId });
      const path = await s3.presign(command as never);
      expect(outcome(await s3.raw({ method: 'POST', path, body: Buffer.from(body) }))).toBe('400 MalformedXML');
    }
  });
});

describe('UploadPart', () => {
  it('accepts only part numbers 1 to 10,000', async () => {
    const uploadId = await begin('numbers');
    for (const PartNumber of [0, -1, 10_001]) {
      await expect(sendPart('numbers', uploadId, PartNumber, LAST)).rejects.toMatchObject({ name: 'InvalidArgument' });
    }
    await sendPart('numbers', uploadId, 10_000, LAST);
  });

  it('refuses a body that differs from its MD5, and stores nothing', async () => {
    const uploadId = await begin('announced');
    const before = await dataFiles();
    const wrong = { ContentMD5: createHash('md5').update('other').digest('base64') };
    await expect(sendPart('announced', uploadId, 1, LAST, wrong)).rejects.toMatchObject({ name: 'BadDigest' });
    expect(await dataFiles()).toBe(before);
    expect(await readdir(join(s3.directory, 'incoming'))).toEqual([]);
  });

  it('refuses a size other than the signed one, and more than 5 GiB', async () => {
    const uploadId = await begin('signed-size');
    const command = new UploadPartCommand({
      ...{ Bucket: s3.bucket, Key: 'signed-size', UploadId: uploadId, PartNumber: 1 },
      ContentLength: 7,
    });
    const path = await s3.presign(command as never, { signableHeaders: new Set(['host', 'content-length']) });
    expect(outcome(await s3.raw({ method: 'PUT', path, body: Buffer.from('longer than 7') }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect(outcome(await s3.raw({ method: 'PUT', path, body: LAST }))).toBe('200');
    const anySize = await s3.presign(new UploadPartCommand({ ...command.input, ContentLength: undefined }) as never);
    const headers = { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' };
    expect(outcome(await s3.raw({ method: 'PUT', path: anySize, headers }))).toBe('400 EntityTooLarge');
  });

  it('refuses the upload id of another key, an unknown id and a path', async () => {
    const uploadId = await begin('bound');
    await expect(sendPart('other-key', uploadId, 1, LAST)).rejects.toMatchObject({ name: 'NoSuchUpload' });
    for (const id of ['', 'x', '../uploads', `../uploads/${uploadId}`, uploadId.toUpperCase(), `${uploadId}/`]) {
      await expect(sendPart('bound', id, 1, LAST)).rejects.toMatchObject({ name: /NoSuchUpload|NotImplemented/ });
    }
  });

  it('answers NoSuchUpload if the upload is aborted while the part arrives', async () => {
    const uploadId = await begin('slow');
    const input = { Bucket: s3.bucket, Key: 'slow', UploadId: uploadId, PartNumber: 1 };
    const path = await s3.presign(new UploadPartCommand(input) as never);
    const before = await dataFiles();
    const { hostname, port } = new URL(s3.server.url);
    const headers = { 'content-length': '10' };
    const outgoing = request({ hostname, port, path, method: 'PUT', headers });
    outgoing.write('first');
    await expect.poll(() => readdir(join(s3.directory, 'incoming'))).toHaveLength(1);
    await s3.client.send(new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key: 'slow', UploadId: uploadId }));
    outgoing.end('later');
    const [response] = await once(outgoing, 'response');
    expect(response.statusCode).toBe(404);
    response.resume();
    expect(await dataFiles()).toBe(before);
    expect(await readdir(join(s3.directory, 'incoming'))).toEqual([]);
  });
});

describe('AbortMultipartUpload', () => {
  it('removes the parts and the upload', async () => {
    const before = await dataFiles();
    const { uploadId, parts } = await uploadThree('aborted');
    const abort = new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key: 'aborted', UploadId: uploadId });
    expect((await s3.client.send(abort)).$metadata.httpStatusCode).toBe(204);
    expect(await dataFiles()).toBe(before);
    for (const attempt of [
      () => s3.client.send(abort),
      () => sendPart('aborted', uploadId, 1, LAST),
      () => complete('aborted', uploadId, parts),
      () => s3.client.send(new ListPartsCommand({ Bucket: s3.bucket, Key: 'aborted', UploadId: uploadId })),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ name: 'NoSuchUpload', $metadata: { httpStatusCode: 404 } });
    }
  });
});

describe('ListParts', () => {
  it('lists parts in the order of their numbers, in pages', async () => {
    const uploadId = await begin('listed');
    for (const number of [10, 2, 1, 9]) await sendPart('listed', uploadId, number, Buffer.alloc(number, 'a'));
    const input = { Bucket: s3.bucket, Key: 'listed', UploadId: uploadId };
    const all = await s3.client.send(new ListPartsCommand(input));
    expect(all.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 1],
      [2, 2],
      [9, 9],
      [10, 10],
    ]);
    expect(all.Parts?.[0]?.ETag).toBe(`"${md5(Buffer.from('a'))}"`);
    expect([all.IsTruncated, all.MaxParts]).toEqual([false, 1000]);
    const first = await s3.client.send(new ListPartsCommand({ ...input, MaxParts: 3 }));
    expect([first.Parts?.length, first.IsTruncated, first.NextPartNumberMarker]).toEqual([3, true, '9']);
    const second = await s3.client.send(new ListPartsCommand({ ...input, MaxParts: 3, PartNumberMarker: '9' }));
    expect([second.Parts?.map(({ PartNumber }) => PartNumber), second.IsTruncated]).toEqual([[10], false]);
  });
});

describe('ListMultipartUploads', () => {
  it('lists uploads by key, in pages, with common prefixes', async () => {
    const fixture = await startFixture();
    const { client, bucket: Bucket } = fixture;
    for (const Key of ['b/2', 'a', 'b/1', 'a', 'c'])
      await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const keys: string[] = [];
    let markers: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (let pages = 0; pages < 5; pages++) {
      const page = await client.send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1, ...markers }));
      keys.push(...(page.Uploads ?? []).map(({ Key = '' }) => Key));
      expect(page.IsTruncated).toBe(pages < 4);
      markers = { KeyMarker: page.NextKeyMarker ?? '', UploadIdMarker: page.NextUploadIdMarker ?? '' };
    }
    expect(keys).toEqual(['a', 'a', 'b/1', 'b/2', 'c']);
    const rolled = await client.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/' }));
    expect(rolled.CommonPrefixes).toEqual([{ Prefix: 'b/' }]);
    expect(rolled.Uploads?.map(({ Key }) => Key)).toEqual(['a', 'a', 'c']);
    const prefixed = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'b/' }));
    expect(prefixed.Uploads?.map(({ Key }) => Key)).toEqual(['b/1', 'b/2']);
    await fixture.stop();
  });
});

describe('after a crash', () => {
  /** A store on a copy of the files at this moment, as a killed process leaves them. */
  async function crash<Result>(check: (client: S3Client, directory: string) => Promise<Result>): Promise<Result> {
    const directory = `${s3.directory}-${randomUUID()}`;
    await cp(s3.directory, directory, { recursive: true });
    const server = await startLocalS3({ ...KEYS, directory, host: '127.0.0.1', port: 0 });
    const client = newClient(server.url);
    try {
      return await check(client, join(directory, 'buckets', s3.bucket));
    } finally {
      client.destroy();
      await server.close();
      await rm(directory, { recursive: true });
    }
  }

  it('confirmed parts are kept, and the upload can be completed', async () => {
    const { uploadId, parts } = await uploadThree('crashed');
    await crash(async (client) => {
      const input = { Bucket: s3.bucket, Key: 'crashed', UploadId: uploadId };
      expect((await client.send(new ListPartsCommand(input))).Parts).toHaveLength(3);
      await client.send(new CompleteMultipartUploadCommand({ ...input, MultipartUpload: { Parts: parts } }));
      const { Body } = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: 'crashed' }));
      expect(md5(Buffer.from((await Body?.transformToByteArray()) ?? []))).toBe(md5(WHOLE));
    });
  });

  it('between publishing the object and ending the upload, only the whole object remains', async () => {
    const { uploadId, parts } = await uploadThree('halfway');
    const upload = join(s3.directory, 'buckets', s3.bucket, 'uploads', uploadId);
    await cp(upload, `${upload}-copy`, { recursive: true });
    await complete('halfway', uploadId, parts);
    await rename(`${upload}-copy`, upload);
    const input = { Bucket: s3.bucket, Key: 'halfway', UploadId: uploadId };
    const refused = { name: 'NoSuchUpload' };
    await expect(s3.client.send(new AbortMultipartUploadCommand(input))).rejects.toMatchObject(refused);
    await crash(async (client, directory) => {
      expect(await readdir(join(directory, 'uploads'))).not.toContain(uploadId);
      await expect(client.send(new AbortMultipartUploadCommand(input))).rejects.toMatchObject(refused);
      const { Body } = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: 'halfway' }));
      expect(md5(Buffer.from((await Body?.transformToByteArray()) ?? []))).toBe(md5(WHOLE));
    });
  });

  it('old data files that no record names are removed, and those of parts and objects are kept', async () => {
    const { uploadId } = await uploadThree('named');
    const data = join(s3.directory, 'buckets', s3.bucket, 'data');
    const before = await readdir(data);
    const [old, young] = [randomUUID(), randomUUID()];
    for (const name of [old, young]) await writeFile(join(data, name), 'orphan');
    const anHourAgo = new Date(Date.now() - 3_600_000);
    for (const name of [...before, old]) await utimes(join(data, name), anHourAgo, anHourAgo);
    const second = await startFixture({ directory: s3.directory });
    expect((await readdir(data)).sort()).toEqual([...before, young].sort());
    second.client.destroy();
    await second.server.close();
    await rm(join(data, young));
    expect(await uploadDirectories()).toContain(uploadId);
  });
});

describe('checksums of a multipart upload', () => {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('base64');
  const composite = createHash('sha256')
    .update(Buffer.concat([FIRST, LAST].map((bytes) => createHash('sha256').update(bytes).digest())))
    .digest('base64');

  it('are composite for SHA-256', async () => {
    const uploadId = await begin('sha256', { ChecksumAlgorithm: 'SHA256' });
    const parts = [
      await sendPart('sha256', uploadId, 1, FIRST, { ChecksumSHA256: sha256(FIRST) }),
      await sendPart('sha256', uploadId, 2, LAST, { ChecksumSHA256: sha256(LAST) }),
    ];
    const withoutOne = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    await expect(complete('sha256', uploadId, withoutOne)).rejects.toMatchObject({ name: 'InvalidRequest' });
    const exchanged = parts.map((part) => ({ ...part, ChecksumSHA256: sha256(LAST) }));
    await expect(complete('sha256', uploadId, exchanged)).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(complete('sha256', uploadId, parts, { ChecksumSHA256: sha256(LAST) })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    const completed = await complete('sha256', uploadId, parts, { ChecksumSHA256: `${composite}-2` });
    expect(completed).toMatchObject({ ChecksumSHA256: `${composite}-2`, ChecksumType: 'COMPOSITE' });
    const head = new HeadObjectCommand({ Bucket: s3.bucket, Key: 'sha256', ChecksumMode: 'ENABLED' });
    expect(await s3.client.send(head)).toMatchObject({
      ChecksumSHA256: `${composite}-2`,
      ChecksumType: 'COMPOSITE',
    });
  });

  it.each([
    ['CRC32', 'crc32', 'ChecksumCRC32'],
    ['CRC64NVME', 'crc64nvme', 'ChecksumCRC64NVME'],
  ] as const)('cover the whole object for FULL_OBJECT %s, computed for parts without one', async (name, id, field) => {
    const key = `full-${id}`;
    const uploadId = await begin(key, { ChecksumAlgorithm: name, ChecksumType: 'FULL_OBJECT' });
    const sent = startChecksum(id);
    sent.update(SECOND);
    const parts = [
      await sendPart(key, uploadId, 1, FIRST),
      await sendPart(key, uploadId, 2, SECOND, { [field]: sent.digest().toString('base64') }),
      await sendPart(key, uploadId, 3, LAST),
    ].map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    const whole = startChecksum(id);
    whole.update(WHOLE);
    const value = whole.digest().toString('base64');
    expect(await complete(key, uploadId, parts, { [field]: value })).toMatchObject({
      [field]: value,
      ChecksumType: 'FULL_OBJECT',
    });
  });

  it('must use the algorithm of the upload', async () => {
    const plain = await begin('plain');
    await expect(sendPart('plain', plain, 1, LAST, { ChecksumSHA256: sha256(LAST) })).rejects.toMatchObject({
      name: 'InvalidRequest',
      message: 'Checksum Type mismatch occurred, expected checksum Type: null, actual checksum Type: sha256',
    });
    const uploadId = await begin('algorithm', { ChecksumAlgorithm: 'SHA256' });
    await expect(sendPart('algorithm', uploadId, 1, LAST)).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(sendPart('algorithm', uploadId, 1, LAST, { ChecksumSHA256: sha256(FIRST) })).rejects.toMatchObject({
      name: 'BadDigest',
    });
  });

  it.each([
    ['a SHA-256 of the whole object', { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' }],
    ['a composite CRC64NVME', { ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' }],
    ['a type without an algorithm', { ChecksumType: 'COMPOSITE' }],
    ['an unknown algorithm', { ChecksumAlgorithm: 'MD4' }],
  ])('cannot be %s', async (_name, more) => {
    const begun = begin('kinds', more as Partial<CreateMultipartUploadCommandInput>);
    await expect(begun).rejects.toMatchObject({ name: 'InvalidRequest' });
  });
});
