import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from './s3-fixture.ts';

const ETAG_OF_HELLO = '"5d41402abc4b2a76b9719d911017c592"';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
  await s3.client.send(
    new PutObjectCommand({
      Bucket: s3.bucket,
      Key: 'söurce +1',
      Body: 'hello',
      ContentType: 'text/plain',
      CacheControl: 'no-cache',
      Metadata: { a: 'b' },
      Tagging: 'colour=red',
      ChecksumAlgorithm: 'SHA256',
    }),
  );
});
afterAll(() => s3.stop());

function copy(Key: string, more: Partial<CopyObjectCommandInput> = {}) {
  const CopySource = `${s3.bucket}/${encodeURIComponent('söurce +1')}`;
  return s3.client.send(new CopyObjectCommand({ Bucket: s3.bucket, CopySource, Key, ...more }));
}

function head(Key: string) {
  return s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key, ChecksumMode: 'ENABLED' }));
}

async function read(Bucket: string, Key: string): Promise<Buffer> {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

describe('CopyObject', () => {
  it('copies bytes, headers, metadata, tags and checksum', async () => {
    const { CopyObjectResult } = await copy('copied');
    expect(CopyObjectResult?.ETag).toBe(ETAG_OF_HELLO);
    expect((await read(s3.bucket, 'copied')).toString()).toBe('hello');
    const { ChecksumSHA256, ...source } = await head('söurce +1');
    expect(await head('copied')).toMatchObject({
      ETag: ETAG_OF_HELLO,
      ContentType: 'text/plain',
      CacheControl: 'no-cache',
      Metadata: { a: 'b' },
      TagCount: 1,
      ChecksumSHA256,
      ContentLength: source.ContentLength,
    });
  });

  it('uses the headers and tags of the request only with REPLACE', async () => {
    const replaced = { ContentType: 'text/html', Metadata: { c: 'd' }, Tagging: 'x=1&y=2' };
    await copy('kept', replaced);
    expect(await head('kept')).toMatchObject({ ContentType: 'text/plain', Metadata: { a: 'b' }, TagCount: 1 });
    await copy('replaced', { ...replaced, MetadataDirective: 'REPLACE', TaggingDirective: 'REPLACE' });
    const answer = await head('replaced');
    expect(answer).toMatchObject({ ContentType: 'text/html', Metadata: { c: 'd' }, TagCount: 2 });
    expect(answer.CacheControl).toBeUndefined();
  });

  it('copies an object onto itself only if it replaces the metadata', async () => {
    await copy('in-place');
    const CopySource = `/${s3.bucket}/in-place`;
    await expect(copy('in-place', { CopySource })).rejects.toMatchObject({ name: 'InvalidRequest' });
    await copy('in-place', { CopySource, MetadataDirective: 'REPLACE', Metadata: { now: 'this' } });
    expect((await head('in-place')).Metadata).toEqual({ now: 'this' });
    expect((await read(s3.bucket, 'in-place')).toString()).toBe('hello');
  });

  it('copies into another bucket', async () => {
    const Bucket = `${s3.bucket}-other`;
    await s3.client.send(new CreateBucketCommand({ Bucket }));
    await copy('there', { Bucket });
    expect((await read(Bucket, 'there')).toString()).toBe('hello');
  });

  it('joins the parts of a multipart object, and uses its MD5 as ETag', async () => {
    const body = randomBytes(6 * 1024 * 1024);
    const input = { Bucket: s3.bucket, Key: 'parts' };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(input));
    const Parts = [];
    for (const [index, Body] of [body.subarray(0, 5 * 1024 * 1024), body.subarray(5 * 1024 * 1024)].entries()) {
      const part = { ...input, UploadId, PartNumber: index + 1, Body };
      Parts.push({ PartNumber: index + 1, ETag: (await s3.client.send(new UploadPartCommand(part))).ETag });
    }
    await s3.client.send(new CompleteMultipartUploadCommand({ ...input, UploadId, MultipartUpload: { Parts } }));
    const { CopyObjectResult } = await copy('joined', { CopySource: `${s3.bucket}/parts` });
    expect(CopyObjectResult?.ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`);
    expect((await read(s3.bucket, 'joined')).equals(body)).toBe(true);
  });

  it.each<[string, Partial<CopyObjectCommandInput>, string]>([
    ['another ETag', { CopySourceIfMatch: '"other"' }, 'PreconditionFailed'],
    ['the excluded ETag', { CopySourceIfNoneMatch: ETAG_OF_HELLO }, 'PreconditionFailed'],
    ['an unmodified source', { CopySourceIfModifiedSince: new Date(Date.now() + 3_600_000) }, 'PreconditionFailed'],
    ['a modified source', { CopySourceIfUnmodifiedSince: new Date(0) }, 'PreconditionFailed'],
    [
      'an existing destination',
      { IfNoneMatch: '*', Key: 'söurce +1', MetadataDirective: 'REPLACE' },
      'PreconditionFailed',
    ],
    ['a malformed source', { CopySource: 'nothing' }, 'InvalidArgument'],
    ['a source in a missing bucket', { CopySource: 'no-such-bucket/key' }, 'NoSuchBucket'],
    ['a missing bucket', { Bucket: 'no-such-bucket' }, 'NoSuchBucket'],
    ['an unknown directive', { MetadataDirective: 'OTHER' as 'COPY' }, 'InvalidArgument'],
  ])('refuses %s', async (_name, more, name) => {
    const before = await readdir(join(s3.directory, 'buckets', s3.bucket, 'data'));
    await expect(copy('refused', more)).rejects.toMatchObject({ name });
    await expect(head('refused')).rejects.toMatchObject({ name: 'NotFound' });
    expect(await readdir(join(s3.directory, 'buckets', s3.bucket, 'data'))).toEqual(before);
  });

  it('refuses a missing source', async () => {
    await expect(copy('refused', { CopySource: `${s3.bucket}/missing` })).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('copies if the conditions hold', async () => {
    await copy('held', { CopySourceIfMatch: ETAG_OF_HELLO, IfNoneMatch: '*' });
    await expect(copy('held', { IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await copy('held', { IfMatch: ETAG_OF_HELLO });
  });
});
