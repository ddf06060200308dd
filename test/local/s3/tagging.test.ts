import {
  CreateMultipartUploadCommand,
  DeleteObjectTaggingCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type Tag,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, KEYS, outcome, startFixture } from './s3-fixture.ts';
import { signRaw } from './sign-raw.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

function put(Key: string, Tagging?: string) {
  return s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: 'x', ...(Tagging && { Tagging }) }));
}

async function tagsOf(Key: string): Promise<Tag[]> {
  const { TagSet } = await s3.client.send(new GetObjectTaggingCommand({ Bucket: s3.bucket, Key }));
  return TagSet ?? [];
}

function setTags(Key: string, TagSet: Tag[]) {
  return s3.client.send(new PutObjectTaggingCommand({ Bucket: s3.bucket, Key, Tagging: { TagSet } }));
}

describe('tags', () => {
  it('are stored with the object, and removed by DeleteObjectTagging', async () => {
    await put('tagged', 'a=1&%C3%BC+x=y%2Bz&empty');
    expect(await tagsOf('tagged')).toEqual([
      { Key: 'a', Value: '1' },
      { Key: 'ü x', Value: 'y+z' },
      { Key: 'empty', Value: '' },
    ]);
    const input = { Bucket: s3.bucket, Key: 'tagged' };
    expect((await s3.client.send(new HeadObjectCommand(input))).TagCount).toBe(3);
    expect((await s3.client.send(new DeleteObjectTaggingCommand(input))).$metadata.httpStatusCode).toBe(204);
    expect(await tagsOf('tagged')).toEqual([]);
    expect((await s3.client.send(new HeadObjectCommand(input))).TagCount).toBeUndefined();
  });

  it('are replaced as a whole, without changing the object', async () => {
    await put('kept', 'a=1');
    const before = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: 'kept' }));
    await setTags('kept', []);
    expect(await tagsOf('kept')).toEqual([]);
    await setTags('kept', [{ Key: 'b', Value: '' }]);
    expect(await tagsOf('kept')).toEqual([{ Key: 'b', Value: '' }]);
    const after = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: 'kept' }));
    expect([after.ETag, after.LastModified]).toEqual([before.ETag, before.LastModified]);
  });

  it('are removed when the object is replaced', async () => {
    await put('over', 'a=1');
    await put('over');
    expect(await tagsOf('over')).toEqual([]);
  });

  it.each<[string, Tag[], string]>([
    ['eleven tags', Array.from({ length: 11 }, (_, index) => ({ Key: `k${index}`, Value: '' })), 'BadRequest'],
    ['a key of 129 characters', [{ Key: 'k'.repeat(129), Value: '' }], 'InvalidTag'],
    ['a value of 257 characters', [{ Key: 'k', Value: 'v'.repeat(257) }], 'InvalidTag'],
    ['an empty key', [{ Key: '', Value: 'v' }], 'InvalidTag'],
    ['another character', [{ Key: 'k', Value: '<' }], 'InvalidTag'],
    ['a key of AWS', [{ Key: 'aws:k', Value: '' }], 'InvalidTag'],
    [
      'a repeated key',
      [
        { Key: 'k', Value: '1' },
        { Key: 'k', Value: '2' },
      ],
      'InvalidTag',
    ],
  ])('cannot be %s', async (_name, tags, name) => {
    await put('refused', 'a=1');
    await expect(setTags('refused', tags)).rejects.toMatchObject({ name });
    expect(await tagsOf('refused')).toEqual([{ Key: 'a', Value: '1' }]);
  });

  it.each([
    ['a repeated key', 'a=1&a=2', 'InvalidArgument'],
    ['malformed encoding', 'a=%', 'InvalidArgument'],
    ['eleven tags', Array.from({ length: 11 }, (_, index) => `k${index}=`).join('&'), 'BadRequest'],
    ['another character', 'a=%3C', 'InvalidTag'],
  ])('cannot be uploaded with %s', async (_name, tagging, name) => {
    await expect(put('not-uploaded', tagging)).rejects.toMatchObject({ name });
    await expect(
      s3.client.send(new CreateMultipartUploadCommand({ Bucket: s3.bucket, Key: 'k', Tagging: tagging })),
    ).rejects.toMatchObject({ name });
    await expect(tagsOf('not-uploaded')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('need an object and a document', async () => {
    await expect(setTags('missing', [])).rejects.toMatchObject({ name: 'NoSuchKey' });
    for (const body of ['', '<Tagging/>', '<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>', '<Other/>']) {
      const request = { method: 'PUT', path: `/${s3.bucket}/k?tagging`, body: Buffer.from(body) };
      expect(outcome(await s3.raw(signRaw(s3.server.url, request, KEYS)))).toBe('400 MalformedXML');
    }
  });
});
