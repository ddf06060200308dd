import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { otherDigit } from '../../helpers/other-digit.ts';
import { type Fixture, newClient, outcome, presign, type RawAnswer, startFixture } from './s3-fixture.ts';

let s3: Fixture;
let clock = new Date();
beforeAll(async () => {
  s3 = await startFixture({ now: () => clock });
});
afterAll(() => s3.stop());

const BODY = Buffer.from('hello');

async function getUrl(seconds = 0, expiresIn = 300): Promise<string> {
  const signingDate = new Date(clock.getTime() + seconds * 1000);
  return s3.presign(new GetObjectCommand({ Bucket: s3.bucket, Key: 'signed.txt' }), { signingDate, expiresIn });
}

async function get(path: string, headers = {}): Promise<string> {
  return outcome(await s3.raw({ method: 'GET', path, headers }));
}

describe('a presigned URL', () => {
  beforeAll(async () => {
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: 'signed.txt' }));
    expect(outcome(await s3.raw({ method: 'PUT', path, body: BODY }))).toBe('200');
  });

  it('works until its last second and answers AccessDenied after it', async () => {
    const path = await getUrl(0, 10);
    const signedAt = Math.floor(clock.getTime() / 1000) * 1000;
    clock = new Date(signedAt + 10_000);
    expect(await get(path)).toBe('200');
    clock = new Date(signedAt + 10_001);
    const answer = await s3.raw({ method: 'GET', path });
    expect(outcome(answer)).toBe('403 AccessDenied');
    expect(answer.body.toString()).toContain('Request has expired');
    clock = new Date();
  });

  it('may be dated 14 minutes ahead, not 16', async () => {
    expect(await get(await getUrl(14 * 60))).toBe('200');
    const answer = await s3.raw({ method: 'GET', path: await getUrl(16 * 60) });
    expect(outcome(answer)).toBe('403 AccessDenied');
    expect(answer.body.toString()).toContain('Request is not valid yet');
  });

  it('may write a space in the query as a plus', async () => {
    const command = new GetObjectCommand({ Bucket: s3.bucket, Key: 'signed.txt', ResponseContentType: 'a b' });
    const path = await s3.presign(command);
    expect(await get(path.replace('a%20b', 'a+b'))).toBe('200');
  });

  it.each<[string, (path: string) => string, string]>([
    ['another signature', (path) => path.replace(/(?<=Signature=)./, otherDigit), '403 SignatureDoesNotMatch'],
    ['a short signature', (path) => path.replace(/(Signature=)[0-9a-f]+/, '$1ab'), '403 SignatureDoesNotMatch'],
    [
      'an upper-case signature',
      (path) => path.replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase()),
      '403 SignatureDoesNotMatch',
    ],
    ['another key', (path) => path.replace('signed.txt', 'other.txt'), '403 SignatureDoesNotMatch'],
    ['one more parameter', (path) => `${path}&response-content-type=text%2Fhtml`, '403 SignatureDoesNotMatch'],
    ['a longer lifetime', (path) => path.replace('Expires=300', 'Expires=301'), '403 SignatureDoesNotMatch'],
    ['a lifetime of 0', (path) => path.replace('Expires=300', 'Expires=0'), '400 AuthorizationQueryParametersError'],
    [
      'a negative lifetime',
      (path) => path.replace('Expires=300', 'Expires=-1'),
      '400 AuthorizationQueryParametersError',
    ],
    [
      'a lifetime over a week',
      (path) => path.replace('Expires=300', 'Expires=604801'),
      '400 AuthorizationQueryParametersError',
    ],
    [
      'a lifetime that is not a number',
      (path) => path.replace('Expires=300', 'Expires=1e2'),
      '400 AuthorizationQueryParametersError',
    ],
    ['two lifetimes', (path) => `${path}&X-Amz-Expires=300`, '400 AuthorizationQueryParametersError'],
    ['no date', (path) => path.replace(/X-Amz-Date=[^&]*&/, ''), '400 AuthorizationQueryParametersError'],
    [
      'a malformed date',
      (path) => path.replace(/(X-Amz-Date=....)../, '$199'),
      '400 AuthorizationQueryParametersError',
    ],
    [
      'a malformed credential',
      (path) => path.replace(/(X-Amz-Credential=)[^&]*/, '$1testkey'),
      '400 AuthorizationQueryParametersError',
    ],
    [
      'another day in its scope',
      (path) => path.replace(/testkey%2F....../, 'testkey%2F202001'),
      '400 AuthorizationQueryParametersError',
    ],
    ['another service', (path) => path.replace('%2Fs3%2F', '%2Fsqs%2F'), '400 AuthorizationQueryParametersError'],
    [
      'another algorithm',
      (path) => path.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA1'),
      '400 AuthorizationQueryParametersError',
    ],
    [
      'no signed headers',
      (path) => path.replace(/X-Amz-SignedHeaders=[^&]*&?/, ''),
      '400 AuthorizationQueryParametersError',
    ],
    [
      'an unsigned host',
      (path) => path.replace('SignedHeaders=host', 'SignedHeaders=date'),
      '403 SignatureDoesNotMatch',
    ],
    ['a session token', (path) => `${path}&X-Amz-Security-Token=x`, '400 InvalidToken'],
    [
      'Signature Version 2',
      (path) => path.replace(/\?.*/, '?AWSAccessKeyId=testkey&Signature=a&Expires=2000000000'),
      '400 InvalidRequest',
    ],
    ['malformed percent-encoding', (path) => `${path}&a=%zz`, '400 InvalidURI'],
  ])('is refused with %s', async (_name, change, expected) => {
    expect(await get(change(await getUrl()))).toBe(expected);
  });

  it('is refused for other keys and regions', async () => {
    const command = () => new GetObjectCommand({ Bucket: s3.bucket, Key: 'signed.txt' });
    const signWith = (keys: { region: string; accessKeyId: string; secretAccessKey: string }) =>
      presign(newClient(s3.server.url, keys), command(), {});
    const keys = { region: 'us-east-1', accessKeyId: 'testkey', secretAccessKey: 'testsecret' };
    expect(await get(await signWith({ ...keys, accessKeyId: 'other' }))).toBe('403 InvalidAccessKeyId');
    expect(await get(await signWith({ ...keys, secretAccessKey: 'other' }))).toBe('403 SignatureDoesNotMatch');
    expect(await get(await signWith({ ...keys, region: 'eu-west-1' }))).toBe('400 AuthorizationQueryParametersError');
  });

  it('is refused together with an Authorization header', async () => {
    expect(await get(await getUrl(), { authorization: 'AWS4-HMAC-SHA256 x' })).toBe('400 InvalidArgument');
  });

  it('is valid for one method only', async () => {
    expect(outcome(await s3.raw({ method: 'DELETE', path: await getUrl() }))).toBe('403 SignatureDoesNotMatch');
  });
});

describe('the headers signed into a presigned PUT', () => {
  const SENT = {
    'content-type': 'text/plain',
    'content-length': '5',
    'if-none-match': '*',
    'x-amz-meta-name': 'a  b',
  };

  const put = async (sent: Record<string, string>, key: string, body?: Buffer) =>
    outcome(await putRaw(sent, key, body));

  async function putRaw(sent: Record<string, string>, key: string, body: Buffer = BODY): Promise<RawAnswer> {
    const path = await s3.presign(
      new PutObjectCommand({
        Bucket: s3.bucket,
        Key: key,
        ContentType: 'text/plain',
        ContentLength: 5,
        IfNoneMatch: '*',
        Metadata: { name: 'a  b' },
      }),
      {
        unhoistableHeaders: new Set(['x-amz-meta-name']),
        signableHeaders: new Set(['host', 'content-type', 'content-length', 'if-none-match', 'x-amz-meta-name']),
      },
    );
    return s3.raw({ method: 'PUT', path, headers: sent, body });
  }

  it('are accepted as signed, and refused once the object exists', async () => {
    expect(await put(SENT, 'constrained')).toBe('200');
    expect(await put(SENT, 'constrained')).toBe('412 PreconditionFailed');
  });

  it.each<[string, Record<string, string>, string]>([
    ['another type', { ...SENT, 'content-type': 'text/html' }, '403 SignatureDoesNotMatch'],
    ['other metadata', { ...SENT, 'x-amz-meta-name': 'c' }, '403 SignatureDoesNotMatch'],
    ['another condition', { ...SENT, 'if-none-match': '' }, '403 SignatureDoesNotMatch'],
    ['an unsigned x-amz-* header', { ...SENT, 'x-amz-meta-other': 'c' }, '403 AccessDenied'],
  ])('are refused with %s', async (_name, headers, expected) => {
    expect(await put(headers, 'refused')).toBe(expected);
  });

  it('are named in the refusal when they are missing', async () => {
    const { 'if-none-match': _condition, 'x-amz-meta-name': _name, ...others } = SENT;
    const answer = await putRaw(others, 'refused');
    expect(outcome(answer)).toBe('403 SignatureDoesNotMatch');
    expect(String(answer.body)).toContain(
      '<MissingSignedHeaders>if-none-match, x-amz-meta-name</MissingSignedHeaders>',
    );
  });

  it('are not reported as missing if they arrived with another value', async () => {
    const answer = await putRaw({ ...SENT, 'content-type': 'text/html' }, 'refused');
    expect(String(answer.body)).not.toContain('MissingSignedHeaders');
  });

  it('are refused without a content-length, which the refusal names', async () => {
    const { 'content-length': _length, ...others } = SENT;
    const answer = await putRaw({ ...others, 'transfer-encoding': 'chunked' }, 'refused');
    expect(String(answer.body)).toContain('<MissingSignedHeaders>content-length</MissingSignedHeaders>');
  });

  it('are refused for a body of another size', async () => {
    expect(await put({ ...SENT, 'content-length': '4' }, 'refused', Buffer.from('hell'))).toBe(
      '403 SignatureDoesNotMatch',
    );
  });
});

describe('a key', () => {
  it.each([
    ['a plus and a space', 'a+b c'],
    ['a percent sign', 'a%20b'],
    ['double slashes', '//double//'],
    ['a parent folder', 'x/../y'],
    ['dots alone', './.'],
    ['letters and emoji', 'Ünï/çødé 😀'],
    ['punctuation', "it's (a) *key*!"],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['a path out of the bucket', '../../etc/passwd'],
    ['1,024 bytes', 'k'.repeat(1024)],
  ])('with %s is kept unchanged', async (_name, key) => {
    const body = Buffer.from(`of ${key}`);
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: key }));
    expect(outcome(await s3.raw({ method: 'PUT', path, body }))).toBe('200');
    const read = await s3.raw({
      method: 'GET',
      path: await s3.presign(new GetObjectCommand({ Bucket: s3.bucket, Key: key })),
    });
    expect(read.body.toString()).toBe(body.toString());
  });

  it('may differ from another only in case', async () => {
    for (const key of ['case', 'CASE']) {
      const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: key }));
      await s3.raw({ method: 'PUT', path, body: Buffer.from(key) });
    }
    const read = await s3.raw({
      method: 'GET',
      path: await s3.presign(new GetObjectCommand({ Bucket: s3.bucket, Key: 'case' })),
    });
    expect(read.body.toString()).toBe('case');
  });

  it('of 1,025 bytes answers KeyTooLongError', async () => {
    const key = `${'k'.repeat(1023)}é`;
    const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: key }));
    expect(outcome(await s3.raw({ method: 'PUT', path, body: BODY }))).toBe('400 KeyTooLongError');
  });
});
