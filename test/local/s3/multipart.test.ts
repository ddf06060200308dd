import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  begin,
  complete,
  dataFiles,
  FIRST,
  LAST,
  md5,
  read,
  SECOND,
  s3,
  sendPart,
  uploadDirectories,
  uploadThree,
  WHOLE,
} from './multipart-store.ts';
import { outcome } from './s3-fixture.ts';

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

  describe('whose parts are joined', () => {
    beforeAll(async () => {
      const { uploadId, parts } = await uploadThree('ranges');
      await complete('ranges', uploadId, parts);
    });

    it.each([
      [0, 9],
      [FIRST.length - 1, FIRST.length],
      [FIRST.length, FIRST.length + SECOND.length - 1],
      [FIRST.length - 3, WHOLE.length - 1],
      [WHOLE.length - LAST.length - 1, WHOLE.length - 2],
      [WHOLE.length - 1, WHOLE.length + 100],
    ])('answers bytes %i to %i across its parts', async (start, end) => {
      const bytes = await read('ranges', `bytes=${start}-${end}`);
      expect(bytes.equals(WHOLE.subarray(start, end + 1))).toBe(true);
    });
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
