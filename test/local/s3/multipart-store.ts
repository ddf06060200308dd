import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from 'vitest';
import { type Fixture, startFixture } from './s3-fixture.ts';

export const MIB = 1024 * 1024;
export const FIRST = randomBytes(5 * MIB);
export const SECOND = randomBytes(5 * MIB + 1);
export const LAST = Buffer.from('the end');
export const WHOLE = Buffer.concat([FIRST, SECOND, LAST]);

/** Started for the test file that imports this. */
export let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

export function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

export async function begin(Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}): Promise<string> {
  const { UploadId = '' } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket: s3.bucket, Key, ...more }));
  return UploadId;
}

export async function sendPart(Key: string, UploadId: string, PartNumber: number, Body: Buffer, more = {}) {
  const command = new UploadPartCommand({ Bucket: s3.bucket, Key, UploadId, PartNumber, Body, ...more });
  const { ETag = '', ChecksumSHA256, ChecksumCRC32, ChecksumCRC64NVME } = await s3.client.send(command);
  return { PartNumber, ETag, ChecksumSHA256, ChecksumCRC32, ChecksumCRC64NVME };
}

export function complete(Key: string, UploadId: string, Parts: CompletedPart[], more = {}) {
  const input = { Bucket: s3.bucket, Key, UploadId, MultipartUpload: { Parts }, ...more };
  return s3.client.send(new CompleteMultipartUploadCommand(input));
}

export async function read(Key: string, Range?: string): Promise<Buffer> {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key, ...(Range && { Range }) }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** An upload of three parts, not yet completed. */
export async function uploadThree(key: string, more: Partial<CreateMultipartUploadCommandInput> = {}) {
  const uploadId = await begin(key, more);
  const parts = [
    await sendPart(key, uploadId, 1, FIRST),
    await sendPart(key, uploadId, 2, SECOND),
    await sendPart(key, uploadId, 7, LAST),
  ];
  return { uploadId, parts };
}

export async function dataFiles(): Promise<number> {
  return (await readdir(join(s3.directory, 'buckets', s3.bucket, 'data'))).length;
}

export async function uploadDirectories(): Promise<string[]> {
  return readdir(join(s3.directory, 'buckets', s3.bucket, 'uploads'));
}
