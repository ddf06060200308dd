import { describe, expect, it } from 'vitest';
import { presignGet } from '../../src/signing/presign-get.ts';
import { presignPut } from '../../src/signing/presign-put.ts';
import type { SigningEndpoint } from '../../src/signing/signing-endpoint.ts';

const endpoint: SigningEndpoint = {
  bucket: 'examplebucket',
  protocol: 'https:',
  host: 'bucket.s3.eu-west-1.amazonaws.com',
  basePath: '',
  region: 'eu-west-1',
  service: 's3',
};
const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
const now = new Date('2026-11-20T17:00:00.750Z');

function presign(options: { expiresInSeconds: number; expiration?: string; at?: Date; key?: string }) {
  const { expiresInSeconds, expiration, at = now, key = 'a.txt' } = options;
  const temporary = expiration === undefined ? credentials : { ...credentials, expiration: new Date(expiration) };
  const { url, expiresAt } = presignGet(endpoint, temporary, { key, expiresInSeconds }, at);
  return { expiresAt: expiresAt.toISOString(), query: new URL(url).searchParams };
}

describe('headers that may not come with an upload', () => {
  it('are signed by name, for what writes and for nothing else', () => {
    const strict = { ...endpoint, absentHeaders: ['x-amz-acl', 'x-amz-copy-source'] };
    const signedHeaders = (url: string) => new URL(url).searchParams.get('X-Amz-SignedHeaders');
    const headers = { 'content-type': 'text/plain', 'x-amz-meta-a': 'b' };
    const put = presignPut(strict, credentials, { key: 'a.txt', headers, expiresInSeconds: 60 }, now);
    const get = presignGet(strict, credentials, { key: 'a.txt', expiresInSeconds: 60 }, now);
    expect(signedHeaders(put.url)).toBe('content-type;host;x-amz-acl;x-amz-copy-source;x-amz-meta-a');
    expect(signedHeaders(get.url)).toBe('host');
  });
});

describe('the end of a presigned URL', () => {
  it('counts from the start of the second it was signed in', () => {
    const { expiresAt, query } = presign({ expiresInSeconds: 300 });
    expect(expiresAt).toBe('2026-11-20T17:05:00.000Z');
    expect(query.get('X-Amz-Date')).toBe('20261120T170000Z');
    expect(query.get('X-Amz-Expires')).toBe('300');
  });

  it('is never later than the end of the credentials', () => {
    const { expiresAt, query } = presign({ expiresInSeconds: 300, expiration: '2026-11-20T17:02:10.900Z' });
    expect(expiresAt).toBe('2026-11-20T17:02:10.000Z');
    expect(query.get('X-Amz-Expires')).toBe('130');
  });

  it('stays as asked when the credentials outlive it', () => {
    const { expiresAt, query } = presign({ expiresInSeconds: 300, expiration: '2026-11-20T17:05:00Z' });
    expect(expiresAt).toBe('2026-11-20T17:05:00.000Z');
    expect(query.get('X-Amz-Expires')).toBe('300');
  });

  it('is exact when less than a second is left, although S3 takes no X-Amz-Expires below 1', () => {
    const { expiresAt, query } = presign({ expiresInSeconds: 300, expiration: '2026-11-20T17:00:00.900Z' });
    expect(expiresAt).toBe('2026-11-20T17:00:00.900Z');
    expect(query.get('X-Amz-Expires')).toBe('1');
  });

  it.each([0, -1, 1.5, 604_801, Number.NaN, Number.POSITIVE_INFINITY])('is refused at %s seconds', (seconds) => {
    expect(() => presign({ expiresInSeconds: seconds })).toThrow(RangeError);
  });

  it.each([1, 604_800])('may be %s seconds away', (seconds) => {
    expect(presign({ expiresInSeconds: seconds }).query.get('X-Amz-Expires')).toBe(String(seconds));
  });
});

describe('a presigned URL', () => {
  it('has the scope of its own day on both sides of midnight', () => {
    const before = presign({ expiresInSeconds: 60, at: new Date('2026-12-31T23:59:59.999Z') });
    const after = presign({ expiresInSeconds: 60, at: new Date('2027-01-01T00:00:00.000Z') });
    expect(before.query.get('X-Amz-Credential')).toBe('AKID/20261231/eu-west-1/s3/aws4_request');
    expect(after.query.get('X-Amz-Credential')).toBe('AKID/20270101/eu-west-1/s3/aws4_request');
    expect(before.expiresAt).toBe('2027-01-01T00:00:59.000Z');
  });

  it('is the same for the same input within a second', () => {
    const input = { key: 'a.txt', headers: { 'content-length': '3' }, expiresInSeconds: 60 };
    const later = new Date('2026-11-20T17:00:00.999Z');
    expect(presignPut(endpoint, credentials, input, now)).toEqual(presignPut(endpoint, credentials, input, later));
  });

  it('signs every header it was given, and the host', () => {
    const headers = { 'x-amz-meta-b': '1', 'content-type': 'text/plain', 'cache-control': 'no-store' };
    const { url } = presignPut(endpoint, credentials, { key: 'a.txt', headers, expiresInSeconds: 60 }, now);
    const query = new URL(url).searchParams;
    expect(query.get('X-Amz-SignedHeaders')).toBe('cache-control;content-type;host;x-amz-meta-b');
    expect(query.has('x-amz-meta-b')).toBe(false);
  });

  it('is never made for an empty key, which would be the bucket itself', () => {
    expect(() => presign({ expiresInSeconds: 60, key: '' })).toThrow(RangeError);
  });
});
