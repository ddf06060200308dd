import { createHash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  type ObjectAttributes,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
  type UploadPartCopyCommandInput,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, KEYS, startFixture } from './s3-fixture.ts';

const PART_BYTES = 5 * 1024 * 1024;
const SOURCE = Buffer.alloc(PART_BYTES + 1000, 'source ');

let s3: Fixture;
let defaults: S3Client;
beforeAll(async () => {
  s3 = await startFixture();
  defaults = new S3Client({ endpoint: s3.server.url, region: KEYS.region, credentials: KEYS, forcePathStyle: true });
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'a source', Body: SOURCE }));
});
afterAll(async () => {
  defaults.destroy();
  await s3.stop();
});

async function begin(Key: string, input: Partial<CreateMultipartUploadCommandInput> = {}) {
  const upload = { Bucket: s3.bucket, Key };
  const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ ...upload, ...input }));
  return { ...upload, UploadId };
}

const read = async (Key: string) => {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
};

describe('UploadPartCopy', () => {
  it('copies parts from an object and from ranges of it', async () => {
    const upload = await begin('copied', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    const Parts = [];
    for (const [index, CopySourceRange] of [`bytes=0-${PART_BYTES - 1}`, 'bytes=7-13', undefined].entries()) {
      const PartNumber = [1, 3, 2][index];
      const CopySource = `${s3.bucket}/a%20source`;
      const input = { ...upload, PartNumber, CopySource, ...(CopySourceRange && { CopySourceRange }) };
      const { CopyPartResult } = await s3.client.send(new UploadPartCopyCommand(input));
      expect(CopyPartResult?.ChecksumCRC32).toMatch(/=$/);
      Parts.push({ PartNumber, ETag: CopyPartResult?.ETag });
    }
    Parts.sort((a, b) => Number(a.PartNumber) - Number(b.PartNumber));
    await s3.client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    const expected = Buffer.concat([SOURCE.subarray(0, PART_BYTES), SOURCE, SOURCE.subarray(7, 14)]);
    expect((await read('copied')).equals(expected)).toBe(true);
  });

  it.each<[string, Partial<UploadPartCopyCommandInput>, string]>([
    ['a range beyond the end', { CopySourceRange: `bytes=0-${SOURCE.length}` }, 'InvalidArgument'],
    ['an open range', { CopySourceRange: 'bytes=5-' }, 'InvalidArgument'],
    ['a malformed range', { CopySourceRange: 'bytes=5-4' }, 'InvalidArgument'],
    ['a missing source', { CopySource: '/{bucket}/missing' }, 'NoSuchKey'],
    ['a malformed source', { CopySource: 'nothing' }, 'InvalidArgument'],
    ['a condition that fails', { CopySourceIfMatch: '"other"' }, 'PreconditionFailed'],
    ['a part number of 0', { PartNumber: 0 }, 'InvalidArgument'],
    ['an unknown upload', { UploadId: 'nothing' }, 'NoSuchUpload'],
    ['another key', { Key: 'other' }, 'NoSuchUpload'],
  ])('is refused with %s', async (_name, input, name) => {
    const upload = await begin('refused');
    const CopySource = (input.CopySource ?? '/{bucket}/a%20source').replace('{bucket}', s3.bucket);
    const command = new UploadPartCopyCommand({ ...upload, PartNumber: 1, ...input, CopySource });
    await expect(s3.client.send(command)).rejects.toMatchObject({ name });
    if (input.UploadId === undefined) {
      expect((await s3.client.send(new ListPartsCommand(upload))).Parts).toBeUndefined();
    }
  });
});

describe("parts with the SDK's default checksum, in an upload without an algorithm", () => {
  it('are accepted, and listed with or without it on completion', async () => {
    for (const listsChecksum of [true, false]) {
      const upload = await begin(`default-${listsChecksum}`);
      const bytes = [SOURCE.subarray(0, PART_BYTES), Buffer.from('the end')];
      const Parts = [];
      for (const [index, Body] of bytes.entries()) {
        const PartNumber = index + 1;
        const { ETag, ChecksumCRC32 } = await defaults.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
        expect(ChecksumCRC32).toMatch(/=$/);
        Parts.push({ PartNumber, ETag, ...(listsChecksum && { ChecksumCRC32 }) });
      }
      await defaults.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
      expect((await read(upload.Key)).equals(Buffer.concat(bytes))).toBe(true);
      const head = new HeadObjectCommand({ Bucket: s3.bucket, Key: upload.Key, ChecksumMode: 'ENABLED' });
      expect((await s3.client.send(head)).ChecksumCRC32).toBeUndefined();
    }
  });

  it('are verified, and a list with another checksum is refused', async () => {
    const upload = await begin('held');
    const part = { ...upload, PartNumber: 1, Body: 'a part' };
    const wrong = new UploadPartCommand({ ...part, ChecksumCRC32: 'AAAAAA==' });
    await expect(defaults.send(wrong)).rejects.toMatchObject({ name: 'BadDigest' });
    const { ETag } = await defaults.send(new UploadPartCommand(part));
    const Parts = [{ PartNumber: 1, ETag, ChecksumCRC32: 'AAAAAA==' }];
    const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } });
    await expect(s3.client.send(complete)).rejects.toMatchObject({ name: 'InvalidPart' });
  });

  it('are refused with a SHA-256, as S3 does', async () => {
    const upload = await begin('sha256');
    const ChecksumSHA256 = createHash('sha256').update('x').digest('base64');
    const command = new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x', ChecksumSHA256 });
    await expect(s3.client.send(command)).rejects.toMatchObject({ name: 'InvalidRequest' });
  });
});

describe('an object of parts', () => {
  it('can be read part by part, and describes its attributes', async () => {
    const upload = await begin('of-parts', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    const bytes = [SOURCE.subarray(0, PART_BYTES), Buffer.from('the end')];
    const Parts = [];
    for (const [index, Body] of bytes.entries()) {
      const PartNumber = index + 1;
      const { ETag } = await s3.client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    await s3.client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    const object = { Bucket: s3.bucket, Key: 'of-parts' };
    const last = await s3.client.send(new GetObjectCommand({ ...object, PartNumber: 2 }));
    expect([await last.Body?.transformToString(), last.PartsCount]).toEqual(['the end', 2]);
    expect(last.ContentRange).toBe(`bytes ${PART_BYTES}-${PART_BYTES + 6}/${PART_BYTES + 7}`);
    const third = s3.client.send(new GetObjectCommand({ ...object, PartNumber: 3 }));
    await expect(third).rejects.toMatchObject({ name: 'InvalidPartNumber', $metadata: { httpStatusCode: 416 } });
    const both = s3.client.send(new GetObjectCommand({ ...object, PartNumber: 1, Range: 'bytes=0-1' }));
    await expect(both).rejects.toMatchObject({ name: 'InvalidRequest' });
    const whole = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: 'a source', PartNumber: 1 }));
    expect([whole.ContentLength, whole.PartsCount]).toEqual([SOURCE.length, undefined]);

    const ask = (ObjectAttributes: ObjectAttributes[]) =>
      s3.client.send(new GetObjectAttributesCommand({ ...object, ObjectAttributes }));
    const attributes = await ask(['ETag', 'Checksum', 'ObjectSize', 'StorageClass']);
    expect(attributes).toMatchObject({
      ETag: expect.stringMatching(/^[0-9a-f]{32}-2$/),
      Checksum: { ChecksumCRC32: expect.stringMatching(/=$/), ChecksumType: 'FULL_OBJECT' },
      ObjectSize: PART_BYTES + 7,
      StorageClass: 'STANDARD',
    });
    expect((await ask(['ObjectSize'])).ETag).toBeUndefined();
    await expect(ask(['ObjectParts'])).rejects.toMatchObject({ name: 'NotImplemented' });
  });
});
