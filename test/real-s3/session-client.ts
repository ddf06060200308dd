import * as s3 from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { TemporaryCredentials } from '../../src/uploads/issue-credentials.ts';
import { mint, type TestService } from '../helpers/test-service.ts';

/** All that temporary credentials may need. */
export const SCOPE = 'files:read files:write files:credentials';

export type Session = Awaited<ReturnType<typeof issue>>;

/** Credentials for the user's prefix, and a client that has nothing else. */
export async function issue(service: TestService, user: string, scope = SCOPE) {
  const authorization = `Bearer ${await mint(user, { scope })}`;
  const init = { headers: { authorization } };
  const { status, body } = await service.call<TemporaryCredentials>(user, '/temporary-credentials', {}, init);
  expect(status).toBe(200);
  const { bucket: Bucket, region, forcePathStyle, prefix, ...credentials } = body;
  const endpoint = body.endpoint ?? '';
  const client = new s3.S3Client({
    endpoint,
    region,
    forcePathStyle,
    credentials,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  return { body, Bucket, prefix, client, endpoint };
}

export type Send = (client: s3.S3Client, Bucket: string) => Promise<unknown>;
/** `ok`, or the status of the refusal. */
export const outcome = (send: Send, { client, Bucket }: Session) =>
  send(client, Bucket).then(
    () => 'ok',
    (error: { $metadata?: { httpStatusCode?: number }; message: string }) =>
      error.$metadata?.httpStatusCode ?? error.message,
  );

export const put = (Key: string): Send => {
  return (client, Bucket) => client.send(new s3.PutObjectCommand({ Bucket, Key, Body: 'x' }));
};
export const get =
  (Key: string): Send =>
  (client, Bucket) =>
    client.send(new s3.GetObjectCommand({ Bucket, Key }));
export const head =
  (Key: string): Send =>
  (client, Bucket) =>
    client.send(new s3.HeadObjectCommand({ Bucket, Key }));
export const remove =
  (Key: string): Send =>
  (client, Bucket) =>
    client.send(new s3.DeleteObjectCommand({ Bucket, Key }));
export const list = (Prefix?: string): Send => {
  return (client, Bucket) =>
    client.send(new s3.ListObjectsV2Command({ Bucket, ...(Prefix !== undefined && { Prefix }) }));
};
export const copy = (from: string, Key: string): Send => {
  return (client, Bucket) => client.send(new s3.CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${from}` }));
};
export const begin = (Key: string): Send => {
  return (client, Bucket) => client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
};
export const sendPart = (Key: string): Send => {
  return async (client, Bucket) => {
    const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
    const upload = { Bucket, Key, UploadId };
    const { ETag } = await client.send(new s3.UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await client.send(new s3.CompleteMultipartUploadCommand({ ...upload, MultipartUpload }));
  };
};
export const takePart = (from: string): Send => {
  return async (client, Bucket) => {
    const Key = 'alice/parts';
    const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
    const part = { Bucket, Key, UploadId, PartNumber: 1, CopySource: `${Bucket}/${from}` };
    return client.send(new s3.UploadPartCopyCommand(part));
  };
};
