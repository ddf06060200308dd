import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';

export const MIB = 1024 ** 2;
export const PART = 5 * MIB;

export type Part = { partNumber: number; size: number; presignedUrl: string };
export type PartsUpload = { objectKey: string; uploadId: string; partSize: number; partCount: number; parts: Part[] };
export type Stored = { partNumber: number; etag: string };

/** Started for the test file that imports this. */
export let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: {
      MULTIPART_THRESHOLD_BYTES: String(PART),
      MULTIPART_PART_BYTES: String(PART),
      MAX_UPLOAD_BYTES: String(5 * 1024 ** 4),
    },
  });
});
afterAll(() => service.close());

export const bytes = Buffer.alloc(2 * PART + 7, 'signpost ');
export const request = { fileName: 'film.bin', contentType: 'application/octet-stream', size: bytes.length };
export const post = (path: string, body: unknown, user = 'alice') => service.call<never>(user, path, body);
export const begin = async (more: Record<string, unknown> = {}, user = 'alice') => {
  const { status, body } = await service.call<PartsUpload>(user, '/presign-upload', { ...request, ...more });
  expect(status).toBe(200);
  return body;
};
export const putPart = async ({ partNumber, size, presignedUrl }: Part, content = bytes): Promise<Stored> => {
  const start = (partNumber - 1) * PART;
  const answer = await fetch(presignedUrl, { method: 'PUT', body: content.subarray(start, start + size) });
  expect(answer.status).toBe(200);
  return { partNumber, etag: answer.headers.get('etag') ?? '' };
};
export const putAll = async (upload: PartsUpload) => {
  const stored: Stored[] = [];
  for (const part of upload.parts) stored.push(await putPart(part));
  return stored;
};
export const openUploads = async () => {
  const { client, name: Bucket } = service.bucket;
  return (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0;
};
