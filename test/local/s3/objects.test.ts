import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, outcome, type RawAnswer, startFixture } from './s3-fixture.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

const ETAG_OF_HELLO = '"5d41402abc4b2a76b9719d911017c592"';

/** A presigned PUT; the headers travel unsigned, so none may start with x-amz-. */
async function put(key: string, body: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
  const path = await s3.presign(new PutObjectCommand({ Bucket: s3.bucket, Key: key }));
  return s3.raw({ method: 'PUT', path, headers, body: Buffer.from(body) });
}

async function get(key: string, headers: Record<string, string> = {}, method = 'GET'): Promise<RawAnswer> {
  const input = { Bucket: s3.bucket, Key: key };
  const command = method === 'GET' ? new GetObjectCommand(input) : new HeadObjectCommand(input);
  return s3.raw({ method, path: await s3.presign(command), headers });
}

describe('buckets', () => {
  it('exist after creation, and can be created again in us-east-1', async () => {
    const answer = await s3.client.send(new HeadBucketCommand({ Bucket: s3.bucket }));
    expect(answer.BucketRegion).toBe('us-east-1');
    await s3.client.send(new CreateBucketCommand({ Bucket: s3.bucket }));
  });

  it('answer BucketAlreadyOwnedByYou in other regions', async () => {
    const elsewhere = await startFixture({ region: 'eu-central-1' });
    const again = new CreateBucketCommand({ Bucket: elsewhere.bucket });
    await expect(elsewhere.client.send(again)).rejects.toMatchObject({ name: 'BucketAlreadyOwnedByYou' });
    await elsewhere.stop();
  });

  it.each(['ab', 'Upper', 'under_score', 'a..b', '-dash', '192.168.1.1', 'x'.repeat(64), 'xn--a'])(
    'cannot be named %s',
    async (Bucket) => {
      await expect(s3.client.send(new CreateBucketCommand({ Bucket }))).rejects.toMatchObject({
        name: 'InvalidBucketName',
      });
    },
  );

  it('that do not exist answer NoSuchBucket to every request', async () => {
    const input = { Bucket: 'no-such-bucket', Key: 'k' };
    for (const [method, command, expected] of [
      ['HEAD', new HeadObjectCommand(input), '404'],
      ['GET', new GetObjectCommand(input), '404 NoSuchBucket'],
      ['PUT', new PutObjectCommand(input), '404 NoSuchBucket'],
      ['DELETE', new DeleteObjectCommand(input), '404 NoSuchBucket'],
    ] as const) {
      const headers = { 'content-length': '0' };
      expect(outcome(await s3.raw({ method, path: await s3.presign(command), headers }))).toBe(expected);
    }
  });
});

describe('GetObject and HeadObject', () => {
  it('return what PutObject stored, headers and metadata byte for byte', async () => {
    const headers = {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'max-age=60',
      'content-disposition': `attachment; filename="${Buffer.from('é').toString('latin1')}.txt"`,
      'content-encoding': 'identity',
      'content-language': 'de',
      expires: 'Thu, 01 Dec 2044 16:00:00 GMT',
    };
    const stored = await put('whole', 'hello', headers);
    expect(outcome(stored)).toBe('200');
    expect(stored.headers.etag).toBe(ETAG_OF_HELLO);
    for (const method of ['GET', 'HEAD']) {
      const answer = await get('whole', {}, method);
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({ ...headers, etag: ETAG_OF_HELLO, 'content-length': '5' });
      expect(answer.headers['accept-ranges']).toBe('bytes');
      expect(Math.abs(Date.parse(answer.headers['last-modified'] ?? '') - Date.now())).toBeLessThan(60_000);
      expect(answer.body.toString()).toBe(method === 'GET' ? 'hello' : '');
    }
  });

  it('return user metadata with any bytes', async () => {
    const name = Buffer.from('Verträge 😀').toString('latin1');
    const command = new PutObjectCommand({
      Bucket: s3.bucket,
      Key: 'metadata',
      Metadata: { __proto__x: 'p', a: 'b  c' },
    });
    const path = await s3.presign(command, {
      unhoistableHeaders: new Set(['x-amz-meta-__proto__x', 'x-amz-meta-a']),
    });
    const headers = { 'x-amz-meta-__proto__x': 'p', 'x-amz-meta-a': 'b  c', 'content-language': name };
    expect(outcome(await s3.raw({ method: 'PUT', path, headers, body: Buffer.from('x') }))).toBe('200');
    expect((await get('metadata')).headers).toMatchObject(headers);
  });

  it('default to binary/octet-stream', async () => {
    await put('typeless', '');
    const answer = await get('typeless');
    expect(answer.headers['content-type']).toBe('binary/octet-stream');
    expect(answer.headers['content-length']).toBe('0');
  });

  it('answer NoSuchKey with an XML error, and without a body on HEAD', async () => {
    const answer = await get('missing');
    expect(outcome(answer)).toBe('404 NoSuchKey');
    expect(answer.headers['content-type']).toBe('application/xml');
    expect(answer.body.toString()).toContain(`<Resource>/${s3.bucket}/missing</Resource>`);
    expect(answer.body.toString()).toContain(`<RequestId>${answer.headers['x-amz-request-id']}</RequestId>`);
    const head = await get('missing', {}, 'HEAD');
    expect([head.status, head.body.length]).toEqual([404, 0]);
  });

  it.each([
    ['bytes=0-1', 206, 'he', 'bytes 0-1/5'],
    ['bytes=3-', 206, 'lo', 'bytes 3-4/5'],
    ['bytes=-2', 206, 'lo', 'bytes 3-4/5'],
    ['bytes=-100', 206, 'hello', 'bytes 0-4/5'],
    ['bytes=4-400', 206, 'o', 'bytes 4-4/5'],
    ['bytes=2-1', 200, 'hello', undefined],
    ['bytes=0-1,3-4', 200, 'hello', undefined],
    ['lines=0-1', 200, 'hello', undefined],
  ])('answer the range %s with %i', async (range, status, body, contentRange) => {
    await put('ranged', 'hello');
    const answer = await get('ranged', { range });
    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toBe(body);
    expect(answer.headers['content-range']).toBe(contentRange);
    expect(answer.headers['content-length']).toBe(String(body.length));
  });

  it('answer InvalidRange for a range after the end, with the size', async () => {
    for (const [body, range] of [
      ['hello', 'bytes=5-'],
      ['hello', 'bytes=-0'],
      ['', 'bytes=0-'],
    ] as const) {
      await put('unsatisfiable', body);
      const answer = await get('unsatisfiable', { range });
      expect(outcome(answer)).toBe('416 InvalidRange');
      expect(answer.headers['content-range']).toBe(`bytes */${body.length}`);
    }
  });

  it('honour If-Range', async () => {
    await put('if-range', 'hello');
    expect((await get('if-range', { range: 'bytes=0-1', 'if-range': ETAG_OF_HELLO })).status).toBe(206);
    expect((await get('if-range', { range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200);
  });

  it('override headers with response-* parameters', async () => {
    await put('overridden', 'hello', { 'content-type': 'text/html', 'cache-control': 'no-cache' });
    const command = new GetObjectCommand({
      Bucket: s3.bucket,
      Key: 'overridden',
      ResponseContentType: 'text/plain',
      ResponseContentDisposition: `attachment; filename*=UTF-8''%C3%A9.txt`,
      ResponseCacheControl: 'no-store',
    });
    const answer = await s3.raw({ method: 'GET', path: await s3.presign(command) });
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain',
      'content-disposition': `attachment; filename*=UTF-8''%C3%A9.txt`,
      'cache-control': 'no-store',
    });
  });

  it.each([
    ['a line break', 'a\r\nx: y'],
    ['a character outside ISO-8859-1', '€'],
    ['a control character', 'a\u0000'],
  ])('refuse a response-* parameter with %s', async (_name, value) => {
    await put('overridden', 'hello');
    const command = new GetObjectCommand({ Bucket: s3.bucket, Key: 'overridden', ResponseContentType: value });
    expect(outcome(await s3.raw({ method: 'GET', path: await s3.presign(command) }))).toBe('400 InvalidArgument');
  });

  const past = 'Mon, 01 Jan 2001 00:00:00 GMT';
  const future = 'Fri, 01 Jan 2100 00:00:00 GMT';
  it.each<[string, Record<string, string>, number]>([
    ['the right If-Match', { 'if-match': ETAG_OF_HELLO }, 200],
    ['a list of If-Match', { 'if-match': `"other", ${ETAG_OF_HELLO}` }, 200],
    ['If-Match: *', { 'if-match': '*' }, 200],
    ['another If-Match', { 'if-match': '"other"' }, 412],
    ['the right If-None-Match', { 'if-none-match': ETAG_OF_HELLO }, 304],
    ['a weak If-None-Match', { 'if-none-match': `W/${ETAG_OF_HELLO}` }, 304],
    ['another If-None-Match', { 'if-none-match': '"other"' }, 200],
    ['an earlier If-Modified-Since', { 'if-modified-since': past }, 200],
    ['a later If-Modified-Since', { 'if-modified-since': future }, 304],
    ['a malformed If-Modified-Since', { 'if-modified-since': 'nonsense' }, 200],
    ['an earlier If-Unmodified-Since', { 'if-unmodified-since': past }, 412],
    ['a later If-Unmodified-Since', { 'if-unmodified-since': future }, 200],
    ['If-Match before If-Unmodified-Since', { 'if-match': ETAG_OF_HELLO, 'if-unmodified-since': past }, 200],
    ['If-None-Match before If-Modified-Since', { 'if-none-match': '"other"', 'if-modified-since': future }, 200],
  ])('obey %s', async (_name, headers, status) => {
    await put('conditional', 'hello');
    for (const method of ['GET', 'HEAD']) {
      const answer = await get('conditional', headers, method);
      expect(answer.status).toBe(status);
      if (status === 304) expect([answer.headers.etag, answer.body.length]).toEqual([ETAG_OF_HELLO, 0]);
    }
  });
});

describe('DeleteObject', () => {
  async function remove(key: string, headers: Record<string, string> = {}): Promise<string> {
    const path = await s3.presign(new DeleteObjectCommand({ Bucket: s3.bucket, Key: key }));
    return outcome(await s3.raw({ method: 'DELETE', path, headers }));
  }

  it('answers 204, also for a missing object', async () => {
    await put('deleted', 'hello');
    expect(await remove('deleted')).toBe('204');
    expect(outcome(await get('deleted'))).toBe('404 NoSuchKey');
    expect(await remove('deleted')).toBe('204');
  });

  it('honours If-Match', async () => {
    await put('kept', 'hello');
    expect(await remove('kept', { 'if-match': '"other"' })).toBe('412 PreconditionFailed');
    expect(outcome(await get('kept'))).toBe('200');
    expect(await remove('kept', { 'if-match': ETAG_OF_HELLO })).toBe('204');
    expect(await remove('kept', { 'if-match': ETAG_OF_HELLO })).toBe('404 NoSuchKey');
    expect(await remove('kept', { 'if-match': '*' })).toBe('404 NoSuchKey');
  });
});

describe('what is not implemented', () => {
  it('answers 501 NotImplemented', async () => {
    const bucket = { Bucket: s3.bucket };
    await expect(s3.client.send(new GetBucketReplicationCommand(bucket))).rejects.toMatchObject({
      name: 'NotImplemented',
      $metadata: { httpStatusCode: 501 },
    });
    for (const extra of [
      { StorageClass: 'GLACIER' as const },
      { ServerSideEncryption: 'aws:kms' as const },
      { ObjectLockMode: 'GOVERNANCE' as const },
      { WebsiteRedirectLocation: '/' },
    ]) {
      await expect(
        s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'k', Body: 'x', ...extra })),
      ).rejects.toMatchObject({ name: 'NotImplemented' });
    }
    expect(outcome(await get('k'))).toBe('404 NoSuchKey');
  });

  it('does not include encryption with AES256, which is accepted and echoed', async () => {
    const input = { Bucket: s3.bucket, Key: 'encrypted' };
    const stored = await s3.client.send(
      new PutObjectCommand({ ...input, Body: 'x', ServerSideEncryption: 'AES256', StorageClass: 'STANDARD' }),
    );
    expect(stored.ServerSideEncryption).toBe('AES256');
    expect((await s3.client.send(new HeadObjectCommand(input))).ServerSideEncryption).toBe('AES256');
  });
});
