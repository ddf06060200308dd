import {
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  GetObjectCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCorsRules } from '../../../src/local/s3/cors-rules.ts';
import { otherDigit } from '../../helpers/other-digit.ts';
import { type Fixture, outcome, startFixture } from './s3-fixture.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'k', Body: 'hello' }));
});
afterAll(() => s3.stop());

const RULES = [
  {
    ID: 'uploads & <more>',
    AllowedOrigins: ['https://*.example.com', 'http://localhost:3000'],
    AllowedMethods: ['PUT', 'GET'],
    AllowedHeaders: ['content-type', 'X-Amz-*'],
    ExposeHeaders: ['ETag', 'x-amz-request-id'],
    MaxAgeSeconds: 600,
  },
  { AllowedOrigins: ['*'], AllowedMethods: ['HEAD'] },
];

const ORIGIN = 'https://app.example.com';

function preflight(headers: Record<string, string>, bucket = s3.bucket) {
  return s3.raw({ method: 'OPTIONS', path: `/${bucket}/k?X-Amz-Signature=none`, headers });
}

describe('the CORS configuration of a bucket', () => {
  it('is returned as it was put, until it is deleted', async () => {
    const input = { Bucket: s3.bucket };
    await expect(s3.client.send(new GetBucketCorsCommand(input))).rejects.toMatchObject({
      name: 'NoSuchCORSConfiguration',
    });
    await s3.client.send(new PutBucketCorsCommand({ ...input, CORSConfiguration: { CORSRules: RULES } }));
    expect((await s3.client.send(new GetBucketCorsCommand(input))).CORSRules).toEqual(RULES);
    await s3.client.send(new DeleteBucketCorsCommand(input));
    await s3.client.send(new DeleteBucketCorsCommand(input));
    const answer = await preflight({ origin: ORIGIN, 'access-control-request-method': 'PUT' });
    expect(outcome(answer)).toBe('403 AccessForbidden');
  });

  const rule = (inner: string) => `<CORSConfiguration><CORSRule>${inner}</CORSRule></CORSConfiguration>`;
  const valid = '<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>';
  it.each([
    ['text', 'MalformedXML', 'junk'],
    ['an empty body', 'MalformedXML', ''],
    ['no rules', 'MalformedXML', '<CORSConfiguration></CORSConfiguration>'],
    ['a rule without a method', 'MalformedXML', rule('<AllowedOrigin>*</AllowedOrigin>')],
    ['an unknown element', 'MalformedXML', rule(`${valid}<Unknown/>`)],
    ['a negative age', 'MalformedXML', rule(`${valid}<MaxAgeSeconds>-1</MaxAgeSeconds>`)],
    ['an element that is not closed', 'MalformedXML', rule(valid).replace('</CORSRule>', '')],
    ['a document type', 'MalformedXML', `<!DOCTYPE a [<!ENTITY b "c">]>${rule(valid)}`],
    ['an unknown entity', 'MalformedXML', rule(`${valid}<ID>&b;</ID>`)],
    ['too many levels', 'MalformedXML', '<a>'.repeat(1000)],
    ['an unknown method', 'InvalidRequest', rule(valid.replace('GET', 'PATCH'))],
    ['two wildcards', 'InvalidRequest', rule(valid.replace('*', 'https://*.*'))],
    ['a wildcard in ExposeHeader', 'InvalidRequest', rule(`${valid}<ExposeHeader>*</ExposeHeader>`)],
  ])('is refused with %s', (_name, code, xml) => {
    expect(() => parseCorsRules(Buffer.from(xml))).toThrow(expect.objectContaining({ code }));
  });

  it('may hold comments, CDATA, entities and a namespace', () => {
    const id = '<!-- a - b --><ID><![CDATA[<a>]]>&amp;&#x41;</ID>';
    const xml = `<?xml version="1.0"?>\n${rule(id + valid).replace('>', ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')}\n`;
    expect(parseCorsRules(Buffer.from(xml))[0]).toMatchObject({ id: '<a>&A', allowedMethods: ['GET'] });
  });
});

describe('with a CORS configuration', () => {
  beforeEach(async () => {
    await s3.client.send(new PutBucketCorsCommand({ Bucket: s3.bucket, CORSConfiguration: { CORSRules: RULES } }));
  });

  it('a preflight that a rule allows is answered without a signature', async () => {
    const answer = await preflight({
      origin: ORIGIN,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'Content-Type,x-amz-meta-name',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'PUT, GET',
      'access-control-allow-headers': 'content-type, x-amz-meta-name',
      'access-control-expose-headers': 'ETag, x-amz-request-id',
      'access-control-max-age': '600',
      vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
    });
  });

  it.each<[string, Record<string, string>, string]>([
    ['another origin', { origin: 'https://example.com' }, '403 AccessForbidden'],
    ['another method', { 'access-control-request-method': 'DELETE' }, '403 AccessForbidden'],
    ['another header', { 'access-control-request-headers': 'authorization' }, '403 AccessForbidden'],
    ['an origin with a similar end', { origin: 'https://evil.com/.example.com.evil' }, '403 AccessForbidden'],
  ])('a preflight from %s is refused', async (_name, headers, expected) => {
    const allowed = { origin: ORIGIN, 'access-control-request-method': 'PUT' };
    expect(outcome(await preflight({ ...allowed, ...headers }))).toBe(expected);
  });

  it('a preflight needs an origin, a method and a bucket', async () => {
    expect(outcome(await preflight({ 'access-control-request-method': 'PUT' }))).toBe('400 BadRequest');
    expect(outcome(await preflight({ origin: ORIGIN }))).toBe('400 BadRequest');
    const complete = { origin: ORIGIN, 'access-control-request-method': 'PUT' };
    expect(outcome(await preflight(complete, 'no-such-bucket'))).toBe('404 NoSuchBucket');
    expect(outcome(await preflight(complete, '..%2F..'))).toBe('400 InvalidBucketName');
  });

  it('answers and errors carry the CORS headers that let a page read them', async () => {
    const path = await s3.presign(new GetObjectCommand({ Bucket: s3.bucket, Key: 'k' }));
    for (const [target, expected] of [
      [path, '200'],
      [path.replace(/(?<=Signature=)./, otherDigit), '403 SignatureDoesNotMatch'],
    ] as const) {
      const answer = await s3.raw({ method: 'GET', path: target, headers: { origin: ORIGIN } });
      expect(outcome(answer)).toBe(expected);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-expose-headers': 'ETag, x-amz-request-id',
      });
    }
  });

  it('an allowed origin of * is answered as *, and a request without Origin gets no CORS headers', async () => {
    const head = { method: 'HEAD', path: `/${s3.bucket}/k` };
    const any = await s3.raw({ ...head, headers: { origin: 'https://other.test' } });
    expect(any.headers['access-control-allow-origin']).toBe('*');
    expect(any.headers).not.toHaveProperty('access-control-allow-credentials');
    expect((await s3.raw(head)).headers).not.toHaveProperty('access-control-allow-origin');
  });
});
