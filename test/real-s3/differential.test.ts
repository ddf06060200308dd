import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalS3, startLocalS3 } from '../../src/local/s3/start-local-s3.ts';
import { newClient } from '../local/s3/s3-fixture.ts';
import { VERSIONS_SUFFIX } from './cases/version-cases.ts';
import { runSteps, type Store } from './compare-stores.ts';
import { differentialCases } from './differential-cases.ts';

/**
 * Cases in which the embedded bucket follows the S3 reference and Ceph's RADOS Gateway 16 does not, and what RGW does.
 * Each case must really differ.
 */
const KNOWN_DIFFERENCES: [RegExp, string][] = [
  [/^PutObject with content-type: $/, 'RGW keeps an empty content type'],
  [/^PutObject with x-amz-meta-long: 2100$/, 'RGW accepts more than 2 KiB of metadata'],
  [/^PutObject with x-amz-tagging: a=b&a=d$/, 'RGW accepts repeated keys in the tagging header'],
  [/ of 1025$/, 'RGW answers InvalidObjectName for a long key'],
  [/^bytes=-0 of [15] /, 'RGW answers all bytes for the last 0'],
  [/^bytes=(?:3-1|a-b||-|0-1,3-4|1--3| 0-1) of /, 'RGW interprets malformed and multiple ranges'],
  [/^other units /, 'RGW answers 206 or 416 to other units'],
  [/^(?:GET|HEAD) with if-(?:none-)?match: \*$/, 'RGW compares * as an ETag'],
  [/^(?:GET|HEAD) with if-modified-since: nonsense$/, 'RGW refuses an invalid date'],
  [/^PUT with If-Match(?: on nothing)?$/, 'RGW does not support If-Match on PUT'],
  [/^PUT with If-None-Match and an ETag$/, 'RGW evaluates it; S3 does not implement it'],
  [
    /^a (?:PUT|form) with (?:another|a short) (?:signature|path|method|parameter|policy|key id)$/,
    'RGW answers AccessDenied',
  ],
  [/^a PUT with (?:the hash of another body|another region|another service)$/, 'RGW answers AccessDenied'],
  [/^a PUT with half a credential$/, 'RGW answers InvalidArgument'],
  [/^a PUT with an unsigned x-amz-meta header$/, 'RGW accepts unsigned headers'],
  [/^the bucket$/, 'RGW sends a content-length'],
  [/^a POST to an object$/, 'RGW answers InvalidArgument'],
  [/^a list with &(?:max-keys=-1|encoding-type=xml|continuation-token=nonsense)$/, 'RGW accepts any value'],
  [/^a list with .*encoding-type=url$/, 'RGW encodes slashes, and spaces as %20'],
  [/^multipart: a part left out$/, 'RGW requires all parts in the list'],
  [/^multipart: (?:parts in another order|a part twice in the list)$/, 'RGW sorts the list'],
  [/^multipart: (?:a repeated abort|another key|no such upload)$/, 'RGW answers 500 or NoSuchKey'],
  [/^multipart: part number (?:0|10001)$/, 'RGW accepts any number'],
  [/^multipart: a list of parts$/, 'RGW marks an empty page as truncated'],
  [/^multipart: completing over an object$/, 'RGW ignores the condition'],
  [/^multipart: uploads$/, 'RGW lists no common prefixes, and includes the marker'],
  [/^multipart: tags of a multipart upload$/, 'RGW loses the tags'],
  [/^multipart: a SHA-256 of another part$/, 'RGW ignores x-amz-checksum-sha256'],
  [/^multipart: a copy of too many bytes$/, 'RGW answers InvalidRange'],
  [/^multipart: GET of a part$/, 'RGW 16 ignores partNumber'],
  [/^a copy with other metadata$/, 'RGW loses the tags of the source'],
  [/^a copy with other tags$/, 'RGW keeps the tags'],
  [/^a copy if (?:another matches|none matches|it changed|it did not change)$/, 'RGW ignores the conditions of a copy'],
  [/^DeleteObjects: (?:nothing|a body that is not XML|no body|1,001 keys)$/, 'RGW answers 200, or 400 without a code'],
  [/^DeleteObjects: with(?:out a| another) digest$/, 'RGW does not check the digest'],
  [/^tags: (?:none|a repeated key|another document)$/, 'RGW accepts them and counts none'],
  [/^tags: eleven$/, 'RGW answers InvalidTag'],
  [
    /^a preflight (?:allowed.*|skipped: GET(?: of a missing object)?)$/,
    'RGW lists only the requested method, and no credentials',
  ],
  [/^(?:no CORS|a preflight of .*)$/, 'RGW answers AccessDenied'],
  [/^a preflight without /, 'RGW answers InvalidArgument'],
  [/^a V1 list with &max-keys=2$/, 'RGW sends NextMarker also without a delimiter'],
  [/^a bucket: x-amz-acl: public-read$/, 'RGW has access control lists'],
  [/^a bucket: no policy$/, 'RGW answers the deletion with 200'],
  [/^a bucket: a policy that lets everybody read$/, 'RGW answers the deletion with 200'],
  [/^a bucket: a policy that is not JSON$/, 'RGW answers InvalidArgument'],
  [/^a bucket: a policy of another bucket$/, 'RGW accepts it'],
  [/^versions: another status$/, 'RGW answers InvalidArgument'],
  [/^versions: a marker as a version$/, 'RGW answers NoSuchKey for a marker'],
  [/^versions: a missing version$/, 'RGW answers NoSuchKey for any id'],
  [/^signed chunks /, 'RGW keeps aws-chunked as the encoding, accepts a body without an end, and answers another code'],
  [
    /^encryption: (?:GET with (?:no|another) key|HEAD with another key|a range with (?:no|another) key|no bytes)$/,
    'RGW answers InvalidArgument',
  ],
  [
    /^encryption: (?:PUT with another key|PUT with a key over what has none|parts with(?:out the key| the key| another key))$/,
    'RGW answers InvalidArgument for a missing or another key',
  ],
  [/^encryption: (?:GET with a key of what has none|parts with a key that did not begin so)$/, 'RGW ignores the key'],
  [/^encryption: a key beside SSE-S3$/, 'RGW takes both'],
  [/^encryption: a copy with a key of what has none$/, 'RGW stores a copy without encryption'],
  [/^encryption: a copy /, 'RGW copies no encrypted object'],
  [/^encryption: KMS/, 'the embedded bucket has no KMS'],
  [/^encryption: another encryption$/, 'RGW answers InvalidArgument, and the embedded bucket that it has no other'],
  [/^a form with headers$/, 'RGW loses cache-control'],
  [/^a form (?:with half a range|without an expiration|without conditions)$/, 'RGW answers InvalidArgument'],
  [/^a form (?:without a file)$/, 'RGW stores something'],
];

const { TEST_S3_ENDPOINT = '', TEST_S3_ACCESS_KEY_ID = '', TEST_S3_SECRET_ACCESS_KEY = '' } = process.env;
const real: Store = {
  url: TEST_S3_ENDPOINT,
  region: 'us-east-1',
  accessKeyId: TEST_S3_ACCESS_KEY_ID,
  secretAccessKey: TEST_S3_SECRET_ACCESS_KEY,
};
const bucket = `differential-${randomBytes(6).toString('hex')}`;
const cases = differentialCases(bucket, real);

let directory: string;
let server: LocalS3;
let local: Store;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'differential-'));
  server = await startLocalS3({ ...real, directory, host: '127.0.0.1', port: 0 });
  local = { ...real, url: server.url };
  for (const { url } of [local, real]) {
    const client = newClient(url, real);
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
  }
});

afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
  const client = newClient(real.url, real);
  for (const Bucket of [bucket, `${bucket}${VERSIONS_SUFFIX}`]) await removeBucket(client, Bucket);
  client.destroy();
});

async function removeBucket(client: S3Client, Bucket: string): Promise<void> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  for (const { Key, UploadId } of Uploads) {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
  for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
    await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
  }
  await client.send(new DeleteBucketCommand({ Bucket }));
}

const table = cases.map((each) => ({
  ...each,
  difference: KNOWN_DIFFERENCES.find(([pattern]) => pattern.test(each.name))?.[1] ?? null,
}));

describe('the embedded bucket answers as a real S3 server does', () => {
  it.each(table.filter(({ difference }) => difference === null))('$name', async ({ steps }) => {
    expect(await runSteps(local, bucket, steps)).toEqual(await runSteps(real, bucket, steps));
  });
});

describe('the embedded bucket differs from Ceph', () => {
  it.each(table.filter(({ difference }) => difference !== null))('$name: $difference', async ({ steps }) => {
    expect(await runSteps(local, bucket, steps)).not.toEqual(await runSteps(real, bucket, steps));
  });

  it('only in cases that exist', () => {
    const unused = KNOWN_DIFFERENCES.filter(([pattern]) => !cases.some(({ name }) => pattern.test(name)));
    expect(unused).toEqual([]);
  });
});
