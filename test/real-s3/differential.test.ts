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
 * Where the embedded bucket follows the S3 reference and Ceph's RADOS Gateway 16, the server this was compared with,
 * does not: which cases, and what RGW does. Each case must really differ.
 */
const KNOWN_DIFFERENCES: [RegExp, string][] = [
  [/^PutObject with content-type: $/, 'RGW keeps an empty content type'],
  [/^PutObject with x-amz-meta-long: 2100$/, 'RGW takes more than 2 KiB of metadata'],
  [/^PutObject with x-amz-tagging: a=b&a=d$/, 'RGW takes twins in a header of tags'],
  [/ of 1025$/, 'RGW says InvalidObjectName of a long key'],
  [/^bytes=-0 of [15] /, 'RGW answers the last 0 bytes with all of them'],
  [/^bytes=(?:3-1|a-b||-|0-1,3-4|1--3| 0-1) of /, 'RGW guesses at ranges that are malformed or several'],
  [/^other units /, 'RGW answers 206 or 416 to other units'],
  [/^(?:GET|HEAD) with if-(?:none-)?match: \*$/, 'RGW compares * as an ETag'],
  [/^(?:GET|HEAD) with if-modified-since: nonsense$/, 'RGW refuses a date that is none'],
  [/^PUT with If-Match(?: on nothing)?$/, 'RGW knows no If-Match with an ETag on PUT'],
  [/^PUT with If-None-Match and an ETag$/, 'RGW fails it where S3 does not implement it'],
  [
    /^a (?:PUT|form) with (?:another|a short) (?:signature|path|method|parameter|policy|key id)$/,
    'RGW says AccessDenied',
  ],
  [/^a PUT with (?:the hash of another body|another region|another service)$/, 'RGW says AccessDenied'],
  [/^a PUT with half a credential$/, 'RGW says InvalidArgument'],
  [/^a PUT with an unsigned x-amz-meta header$/, 'RGW lets headers be added'],
  [/^the bucket$/, 'RGW sends a content-length'],
  [/^a POST to an object$/, 'RGW says InvalidArgument'],
  [/^a list with &(?:max-keys=-1|encoding-type=xml|continuation-token=nonsense)$/, 'RGW takes any'],
  [/^a list with .*encoding-type=url$/, 'RGW encodes slashes, and spaces as %20'],
  [/^multipart: a part left out$/, 'RGW wants all parts completed'],
  [/^multipart: (?:parts in another order|a part twice in the list)$/, 'RGW puts them in order'],
  [/^multipart: (?:an abort, and again|another key|no such upload)$/, 'RGW answers 500 or NoSuchKey'],
  [/^multipart: part number (?:0|10001)$/, 'RGW takes any number'],
  [/^multipart: a list of parts$/, 'RGW truncates a page of no parts'],
  [/^multipart: completing where something is$/, 'RGW completes without conditions'],
  [/^multipart: uploads$/, 'RGW rolls up no uploads and includes the marker'],
  [/^multipart: tags of a multipart upload$/, 'RGW forgets them'],
  [/^multipart: a SHA-256 of a part /, 'RGW ignores x-amz-checksum-sha256'],
  [/^multipart: a copy of too many bytes$/, 'RGW says InvalidRange'],
  [/^multipart: GET of a part$/, 'RGW 16 ignores partNumber'],
  [/^a copy with other metadata$/, 'RGW loses the tags then'],
  [/^a copy with other tags$/, 'RGW keeps the tags'],
  [/^a copy if (?:another matches|none matches|it changed|it did not change)$/, 'RGW heeds no conditions of a copy'],
  [/^DeleteObjects: (?:nothing|no XML|no body|1,001 keys)$/, 'RGW answers 200, or 400 without a code'],
  [/^DeleteObjects: with(?:out a| another) digest$/, 'RGW checks none'],
  [/^tags: (?:none|twins|another document)$/, 'RGW takes them and counts none'],
  [/^tags: eleven$/, 'RGW says InvalidTag'],
  [/^a preflight (?:allowed.*|that is none: GET(?: of nothing)?)$/, 'RGW lists the one method and no credentials'],
  [/^(?:no CORS|a preflight of .*)$/, 'RGW says AccessDenied'],
  [/^a preflight without /, 'RGW says InvalidArgument'],
  [/^a V1 list with &max-keys=2$/, 'RGW tells NextMarker without a delimiter as well'],
  [/^a bucket: x-amz-acl: public-read$/, 'RGW has access control lists'],
  [/^a bucket: a policy of none$/, 'RGW answers the deletion with 200'],
  [/^a bucket: a policy that lets everybody read$/, 'RGW answers the deletion with 200'],
  [/^a bucket: a policy that is no JSON$/, 'RGW says InvalidArgument'],
  [/^a bucket: a policy of another bucket$/, 'RGW takes it'],
  [/^versions: another status$/, 'RGW says InvalidArgument'],
  [/^versions: a marker as a version$/, 'RGW says NoSuchKey of a marker'],
  [/^versions: a version that is not there$/, 'RGW says NoSuchKey of any id'],
  [/^signed chunks /, 'RGW keeps aws-chunked as the encoding, takes a body without an end, and says another code'],
  [/^a form with headers$/, 'RGW loses cache-control'],
  [/^a form (?:with half a range|without an expiration|without conditions)$/, 'RGW says InvalidArgument'],
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

  it('in nothing that is no case', () => {
    const unused = KNOWN_DIFFERENCES.filter(([pattern]) => !cases.some(({ name }) => pattern.test(name)));
    expect(unused).toEqual([]);
  });
});
