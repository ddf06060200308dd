import { createHash } from 'node:crypto';
import { HeadObjectCommand, PutObjectCommand, type PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, KEYS, outcome, presign, startFixture } from './s3-fixture.ts';
import { signRaw } from './sign-raw.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

const BODY = Buffer.from('hello');

describe('x-amz-* parameters that the SDK puts into the query of a presigned PUT', () => {
  const sha256 = createHash('sha256').update(BODY).digest('base64');
  const put = async (input: Partial<PutObjectCommandInput>, Key: string, headers: Record<string, string> = {}) => {
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key, ...input }));
    return { path, answer: await s3.raw({ method: 'PUT', path, headers, body: BODY }) };
  };
  const head = (Key: string) =>
    s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key, ChecksumMode: 'ENABLED' }));

  it('are honoured as headers are', async () => {
    const { path, answer } = await put(
      {
        Metadata: { name: 'Grüße', plus: 'a+b c' },
        Tagging: 'a=b&c=d',
        ChecksumSHA256: sha256,
        StorageClass: 'STANDARD',
      },
      'hoisted',
    );
    expect(path).toContain('x-amz-meta-name=');
    expect(outcome(answer)).toBe('200');
    const { Metadata, TagCount, ChecksumSHA256 } = await head('hoisted');
    expect({ ...Metadata, name: Buffer.from(Metadata?.name ?? '', 'latin1').toString() }).toEqual({
      name: 'Grüße',
      plus: 'a+b c',
    });
    expect([TagCount, ChecksumSHA256]).toEqual([2, sha256]);
  });

  it.each<[string, Partial<PutObjectCommandInput>, string]>([
    ['a checksum of another body', { ChecksumSHA256: `${sha256.slice(0, -2)}A=` }, '400 BadDigest'],
    ['a malformed checksum', { ChecksumSHA256: 'x' }, '400 InvalidRequest'],
    ['too much metadata', { Metadata: { a: 'x'.repeat(2100) } }, '400 MetadataTooLarge'],
    ['repeated tags', { Tagging: 'a=b&a=c' }, '400 InvalidArgument'],
    ['an unsupported storage class', { StorageClass: 'GLACIER' }, '501 NotImplemented'],
    ['an unsupported header', { WebsiteRedirectLocation: '/' }, '501 NotImplemented'],
    ['a line break', { Metadata: { a: 'x\ny' } }, '400 InvalidArgument'],
  ])('are refused with %s', async (_name, input, expected) => {
    expect(outcome((await put(input, 'refused')).answer)).toBe(expected);
  });

  it('are refused with advice if an SDK presigned the checksum of an empty body', async () => {
    const client = new S3Client({
      endpoint: s3.server.url,
      region: KEYS.region,
      credentials: KEYS,
      forcePathStyle: true,
    });
    const path = await presign(client, new PutObjectCommand({ Bucket: s3.bucket, Key: 'default' }), {});
    client.destroy();
    const answer = await s3.raw({ method: 'PUT', path, body: BODY });
    expect(outcome(answer)).toBe('400 BadDigest');
    expect(String(answer.body)).toContain('set requestChecksumCalculation to');
    expect(outcome(await s3.raw({ method: 'PUT', path, body: Buffer.alloc(0) }))).toBe('200');
  });

  it('cannot be added to a signed URL, in the query or as a header', async () => {
    const { path } = await put({ Metadata: { a: 'b' } }, 'added');
    const addedTo = (more: string) => s3.raw({ method: 'PUT', path: `${path}${more}`, body: BODY });
    expect(outcome(await addedTo('&x-amz-meta-c=d'))).toBe('403 SignatureDoesNotMatch');
    const overridden = await s3.raw({ method: 'PUT', path, headers: { 'x-amz-meta-a': 'c' }, body: BODY });
    expect(outcome(overridden)).toBe('403 AccessDenied');
  });

  it('are also honoured if the request has an Authorization header', async () => {
    const request = { method: 'PUT', path: `/${s3.bucket}/signed?x-amz-meta-a=b`, body: BODY };
    expect(outcome(await s3.raw(signRaw(s3.server.url, request, KEYS)))).toBe('200');
    expect((await head('signed')).Metadata).toEqual({ a: 'b' });
    const twice = { ...request, path: `${request.path}&x-amz-meta-a=b` };
    expect(outcome(await s3.raw(signRaw(s3.server.url, twice, KEYS)))).toBe('400 InvalidArgument');
  });
});
