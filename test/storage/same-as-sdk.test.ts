import { text } from 'node:stream/consumers';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectRequest, SendObjectRequest } from '../../src/storage/request-objects.ts';
import { isS3Failure } from '../../src/storage/s3-failure.ts';
import { type FoundObject, toStoredObject } from '../../src/storage/stored-object.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { openTestRequests } from './object-requests.ts';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let requests: Awaited<ReturnType<typeof openTestRequests>>;
let send: SendObjectRequest;
const credentialsOf = ({ env }: typeof bucket) => ({
  accessKeyId: env.AWS_ACCESS_KEY_ID,
  secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
});
beforeAll(async () => {
  bucket = await startTestBucket();
  requests = await openTestRequests(bucket, { credentials: credentialsOf(bucket) });
  send = requests.send;
});
afterAll(async () => {
  await requests.close();
  await bucket.close();
});

/** The same object, as the SDK reads it. */
const fromSdk = (key: string, head: HeadObjectCommandOutput): FoundObject => ({
  key,
  sizeBytes: head.ContentLength ?? Number.NaN,
  contentType: head.ContentType ?? '',
  contentEncoding: head.ContentEncoding ?? null,
  etag: head.ETag ?? '',
  versionId: head.VersionId === 'null' ? null : (head.VersionId ?? null),
  checksumSha256: head.ChecksumSHA256 ?? null,
  metadata: head.Metadata ?? {},
  sse: head.ServerSideEncryption ?? null,
  sseKeyId: null,
  lastModified: head.LastModified?.toUTCString() ?? '',
});
const CHECKSUMS = { 'x-amz-checksum-mode': 'ENABLED' };

async function expectSame(key: string, versionId?: string) {
  const which = { Bucket: bucket.name, Key: key, ...(versionId !== undefined && { VersionId: versionId }) };
  const query: Record<string, string> = versionId === undefined ? {} : { versionId };
  const head = await bucket.client.send(new HeadObjectCommand({ ...which, ChecksumMode: 'ENABLED' }));
  const answer = await send({ operation: 'HeadObject', key, query, headers: CHECKSUMS });
  expect(toStoredObject({ key, sseKeyId: null }, answer.headers)).toEqual(fromSdk(key, head));
  const got = await bucket.client.send(new GetObjectCommand(which));
  const { body, headers } = await send({ operation: 'GetObject', key, query });
  expect(await text(body)).toBe(await got.Body?.transformToString());
  expect(toStoredObject({ key, sseKeyId: null }, headers)).toEqual({ ...fromSdk(key, got), checksumSha256: null });
}

const OBJECTS: [string, Partial<PutObjectCommandInput>][] = [
  ['plain', { Body: 'hello' }],
  ['empty', { Body: '' }],
  ['of a type with parameters', { Body: 'a', ContentType: 'text/plain; charset="utf-8"' }],
  ['with metadata', { Body: 'a', Metadata: { one: '1', 'two-three': 'a,  b;c="d"', empty: '' } }],
  ['with metadata encoded by RFC 2047', { Body: 'a', Metadata: { name: '=?UTF-8?B?R3LDtsOfZQ==?=' } }],
  ['with a checksum', { Body: 'hello', ChecksumSHA256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' }],
  ['compressed', { Body: 'not really', ContentEncoding: 'gzip', CacheControl: 'max-age=5' }],
  ['of a download', { Body: 'a', ContentDisposition: 'attachment; filename="a b"', ContentLanguage: 'de' }],
  ['of XML', { Body: '<Error><Code>NoSuchKey</Code></Error>', ContentType: 'application/xml' }],
];

describe('an object is described as the AWS SDK describes it', () => {
  it.each(OBJECTS)('%s', async (name, input) => {
    const Key = `a ${name}/ä+%'().txt`;
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key, ...input }));
    await expectSame(Key);
  });

  it('of parts', async () => {
    const where = { Bucket: bucket.name, Key: 'parts' };
    const checksum = { ChecksumAlgorithm: 'SHA256' } as const;
    const { UploadId } = await bucket.client.send(new CreateMultipartUploadCommand({ ...where, ...checksum }));
    const part = { ...where, UploadId, PartNumber: 1, Body: 'hello', ...checksum };
    const { ETag, ChecksumSHA256 } = await bucket.client.send(new UploadPartCommand(part));
    const Parts = [{ PartNumber: 1, ETag, ChecksumSHA256 }];
    await bucket.client.send(new CompleteMultipartUploadCommand({ ...where, UploadId, MultipartUpload: { Parts } }));
    await expectSame('parts');
  });
});

/** Name and status of the error; null if there is none. */
async function failure(request: Promise<unknown>) {
  try {
    await request;
    return null;
  } catch (error) {
    return isS3Failure(error) ? { name: error.name, status: error.$metadata.httpStatusCode } : error;
  }
}

/** The same request by the SDK. */
function bySdk({ operation, key, query, headers }: ObjectRequest, client = bucket.client, Bucket = bucket.name) {
  const input = { Bucket, Key: key, VersionId: query?.versionId, IfMatch: headers?.['if-match'] };
  switch (operation) {
    case 'HeadObject':
      return client.send(new HeadObjectCommand(input));
    case 'GetObject':
      return client.send(new GetObjectCommand({ ...input, Range: headers?.range }));
    case 'DeleteObject':
      return client.send(new DeleteObjectCommand(input));
  }
}

const MISSING = '"0123456789abcdef0123456789abcdef"';

describe('an error has the name and the status that the AWS SDK gives it', () => {
  const of = (operation: ObjectRequest['operation'], more: Omit<ObjectRequest, 'operation' | 'key'> = {}) => ({
    operation,
    key: 'there',
    ...more,
  });
  it.each<[string, ObjectRequest]>([
    ['HEAD of a missing key', { operation: 'HeadObject', key: 'missing' }],
    ['GET of a missing key', { operation: 'GetObject', key: 'missing' }],
    ['DELETE of a missing key', { operation: 'DeleteObject', key: 'missing' }],
    ['HEAD of a missing version', of('HeadObject', { query: { versionId: 'a'.repeat(32) } })],
    ['GET of a missing version', of('GetObject', { query: { versionId: 'a'.repeat(32) } })],
    ['HEAD of another ETag', of('HeadObject', { headers: { 'if-match': MISSING } })],
    ['GET of another ETag', of('GetObject', { headers: { 'if-match': MISSING } })],
    ['GET of a range that is not there', of('GetObject', { headers: { range: 'bytes=99-' } })],
    ['GET of a range', of('GetObject', { headers: { range: 'bytes=1-2' } })],
  ])('%s', async (_, request) => {
    await bucket.write('there', 'hello');
    const expected = await failure(bySdk(request));
    expect(await failure(send(request))).toEqual(expected);
  });

  it.each(['HeadObject', 'GetObject', 'DeleteObject'] as const)('%s in a missing bucket', async (operation) => {
    const other = await openTestRequests(
      { ...bucket, name: 'no-such-bucket-here' },
      { credentials: credentialsOf(bucket) },
    );
    const request = { operation, key: 'a' };
    const expected = await failure(bySdk(request, bucket.client, 'no-such-bucket-here'));
    expect(expected).toMatchObject({ status: 404 });
    expect(await failure(other.send(request))).toEqual(expected);
    await other.close();
  });

  it.each(['HeadObject', 'GetObject', 'DeleteObject'] as const)('%s with a wrong secret', async (operation) => {
    const credentials = { ...credentialsOf(bucket), secretAccessKey: 'wrong' };
    const client = new S3Client({ endpoint: bucket.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    const other = await openTestRequests(bucket, { credentials });
    const request = { operation, key: 'there' };
    const expected = await failure(bySdk(request, client));
    expect(expected).toMatchObject({ status: 403 });
    expect(await failure(other.send(request))).toEqual(expected);
    await other.close();
    client.destroy();
  });
});

describe('versions and delete markers', () => {
  beforeAll(() =>
    bucket.client.send(
      new PutBucketVersioningCommand({ Bucket: bucket.name, VersioningConfiguration: { Status: 'Enabled' } }),
    ),
  );

  it('are read and removed as by the AWS SDK', async () => {
    const first = (await bucket.write('versioned', 'one')).VersionId ?? '';
    const second = (await bucket.write('versioned', 'three')).VersionId ?? '';
    await expectSame('versioned');
    await expectSame('versioned', first);
    await send({ operation: 'DeleteObject', key: 'versioned', query: { versionId: second } });
    await expectSame('versioned');
    const marker = (await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: 'versioned' })))
      .VersionId;
    for (const operation of ['HeadObject', 'GetObject'] as const) {
      for (const query of [{}, { versionId: marker ?? '' }]) {
        const request = { operation, key: 'versioned', query };
        const expected = await failure(bySdk(request));
        expect(expected).not.toBeNull();
        expect(await failure(send(request))).toEqual(expected);
      }
    }
    await expectSame('versioned', first);
  });
});
