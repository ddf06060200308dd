import { createHash } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, outcome, type RawRequest, signedRequest, startFixture } from './s3-fixture.ts';

let s3: Fixture;
let clock = new Date();
beforeAll(async () => {
  s3 = await startFixture({ now: () => clock });
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'a', Body: 'hello' }));
});
afterAll(() => s3.stop());

async function getRequest(): Promise<RawRequest & { headers: Record<string, string> }> {
  const request = await signedRequest(s3.client, new GetObjectCommand({ Bucket: s3.bucket, Key: 'a' }));
  return { ...request, headers: { ...request.headers } };
}

async function getWith(change: (headers: Record<string, string>) => void): Promise<string> {
  const request = await getRequest();
  change(request.headers);
  return outcome(await s3.raw(request));
}

describe('a request signed in its Authorization header', () => {
  it('is answered', async () => {
    const answer = await s3.raw(await getRequest());
    expect(outcome(answer)).toBe('200');
    expect(answer.body.toString()).toBe('hello');
  });

  it.each([
    ['an unsigned x-amz-* header', { 'x-amz-meta-a': 'b' }, '403 AccessDenied'],
    ['another signed header', { 'x-amz-user-agent': 'other' }, '403 SignatureDoesNotMatch'],
    ['another payload hash', { 'x-amz-content-sha256': 'a'.repeat(64) }, '403 SignatureDoesNotMatch'],
    ['a session token', { 'x-amz-security-token': 'a' }, '400 InvalidToken'],
    ['no date', { 'x-amz-date': 'yesterday' }, '403 AccessDenied'],
    ['a version 2 signature', { authorization: 'AWS testkey:abc' }, '400 InvalidRequest'],
    ['a bearer token', { authorization: 'Bearer abc' }, '400 InvalidArgument'],
    ['half a signature', { authorization: 'AWS4-HMAC-SHA256 Signature=abc' }, '400 AuthorizationHeaderMalformed'],
  ])('is refused with %s', async (_name, headers, expected) => {
    expect(await getWith((all) => Object.assign(all, headers))).toBe(expected);
  });

  it('is refused for another key id, region, service or day', async () => {
    const withScope = (from: string | RegExp, to: string) =>
      getWith((headers) => {
        headers.authorization = (headers.authorization ?? '').replace(from, to);
      });
    expect(await withScope('testkey', 'other')).toBe('403 InvalidAccessKeyId');
    expect(await withScope('us-east-1', 'eu-west-1')).toBe('400 AuthorizationHeaderMalformed');
    expect(await withScope('/s3/', '/sqs/')).toBe('400 AuthorizationHeaderMalformed');
    expect(await withScope(/\/[0-9]{8}\//, '/20200101/')).toBe('400 AuthorizationHeaderMalformed');
  });

  it('is refused without x-amz-content-sha256', async () => {
    expect(await getWith((headers) => delete headers['x-amz-content-sha256'])).toBe('400 InvalidRequest');
  });

  it('is refused without a signature', async () => {
    expect(await getWith((headers) => delete headers.authorization)).toBe('403 AccessDenied');
  });

  it('is refused when its date is more than 15 minutes off, either way', async () => {
    const request = await getRequest();
    const now = Date.now();
    for (const [minutes, expected] of [
      [14, '200'],
      [-14, '200'],
      [16, '403 RequestTimeTooSkewed'],
      [-16, '403 RequestTimeTooSkewed'],
    ] as const) {
      clock = new Date(now + minutes * 60_000);
      expect(outcome(await s3.raw(request))).toBe(expected);
    }
    clock = new Date();
  });

  it('is refused if its body differs from the signed hash', async () => {
    const request = await signedRequest(
      s3.client,
      new PutObjectCommand({ Bucket: s3.bucket, Key: 'b', Body: 'hello', ContentLength: 5 }),
    );
    const sha256 = createHash('sha256').update('hello').digest('hex');
    expect(request.headers?.['x-amz-content-sha256']).toBe(sha256);
    expect(outcome(await s3.raw({ ...request, body: Buffer.from('HELLO') }))).toBe('400 XAmzContentSHA256Mismatch');
    expect(outcome(await s3.raw(await getOf('b')))).toBe('404 NoSuchKey');
    expect(outcome(await s3.raw(request))).toBe('200');
  });

  it('is told the canonical request if its signature does not match', async () => {
    const request = await getRequest();
    const authorization = request.headers.authorization?.replace(/[0-9a-f]{64}$/, '0'.repeat(64)) ?? '';
    const answer = await s3.raw({ ...request, headers: { ...request.headers, authorization } });
    expect(answer.body.toString()).toContain('<CanonicalRequest>GET\n');
    expect(answer.body.toString()).toContain('<StringToSign>AWS4-HMAC-SHA256\n');
  });
});

async function getOf(key: string): Promise<RawRequest> {
  return signedRequest(s3.client, new GetObjectCommand({ Bucket: s3.bucket, Key: key }));
}
