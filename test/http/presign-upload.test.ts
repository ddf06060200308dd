import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import {
  expectProblem,
  mint,
  startTestService,
  type TestService,
  type Upload,
  withConfig,
} from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: {
      MAX_UPLOAD_BYTES: '1000',
      UPLOAD_POLICIES: '{"id":{"maxBytes":10,"contentTypes":["image/*","application/pdf"]}}',
      KEY_PREFIX: 'up/',
    },
  });
});
afterAll(() => service.close());

const request = { fileName: 'lease 2026.pdf', contentType: 'text/plain', size: 5 };
/** A store that encrypts, and copies nothing that is encrypted. */
const withoutCopies = () => {
  const { sse } = service.services.config.store;
  const store = { encryptedCopies: false, sse: { ...sse, mode: 's3' as const } };
  return createApp(withConfig(service.services, 'store', store));
};
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64');

describe('POST /presign-upload', () => {
  it('signs no form where the store could not copy it', async () => {
    const headers = { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' };
    for (const [method, status] of [
      ['POST', 400],
      ['PUT', 200],
    ]) {
      const body = JSON.stringify({ ...request, method });
      expect((await withoutCopies().request('/presign-upload', { method: 'POST', headers, body })).status).toBe(status);
    }
    const body = JSON.stringify({ method: 'POST', key: 'a.txt', contentType: 'text/plain' });
    expect((await withoutCopies().request('/sign-request', { method: 'POST', headers, body })).status).toBe(400);
  });

  it('returns a key under the caller’s prefix, the URL, the headers to send, and both times', async () => {
    const { status, body, headers } = await service.call<Upload>('alice', '/presign-upload', {
      ...request,
      recordId: 'case-42',
      documentType: 'contract',
      expiresIn: 60,
      metadata: { source: 'scanner-3' },
    });
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body.objectKey).toMatch(/^up\/alice\/case-42\/contract\/[0-9a-f-]{36}\/lease_2026\.pdf$/);
    expect(body.objectKey).toContain(body.fileId);
    expect(body.headers).toMatchObject({
      'content-type': 'text/plain',
      'if-none-match': '*',
      'x-amz-meta-source': 'scanner-3',
      'x-amz-meta-signpost-name': 'lease 2026.pdf',
    });
    const signed = new URL(body.presignedUrl).searchParams.get('X-Amz-SignedHeaders')?.split(';');
    expect(signed).toEqual(expect.arrayContaining([...Object.keys(body.headers), 'content-length', 'host']));
    const lifeMs = Date.parse(body.expiresAt) - Date.parse(body.serverTime);
    expect(lifeMs).toBeGreaterThan(58_000);
    expect(lifeMs).toBeLessThanOrEqual(60_000);
    expect(body).not.toHaveProperty('publicFileUrl');
  });

  it('returns a new id each time', async () => {
    const [a, b] = [await service.presign('alice', request), await service.presign('alice', request)];
    expect(a.fileId).not.toBe(b.fileId);
  });

  it.each([
    ['more bytes', { body: 'hello!' }],
    ['fewer bytes', { body: 'hell' }],
    ['another type', { headers: { 'content-type': 'text/html' } }],
    ['other metadata', { headers: { 'x-amz-meta-source': 'b' } }],
    ['the condition dropped', { drop: 'if-none-match' }],
    ['the name dropped', { drop: 'x-amz-meta-signpost-name' }],
  ])(
    'signs a URL with which the bucket refuses %s',
    async (_, change: { body?: string; headers?: object; drop?: string }) => {
      const upload = await service.presign('alice', { ...request, metadata: { source: 'a' } });
      const headers = { ...upload.headers, ...change.headers };
      if (change.drop) delete headers[change.drop];
      const refused = await fetch(upload.presignedUrl, { method: 'PUT', headers, body: change.body ?? 'hello' });
      expect(refused.status).toBe(403);
      expect(await service.bucket.read(upload.objectKey)).toBeNull();
      expect((await service.put(upload, 'hello')).status).toBe(200);
    },
  );

  it('signs a URL that works once', async () => {
    const upload = await service.presign('alice', request);
    expect((await service.put(upload, 'first')).status).toBe(200);
    expect((await service.put(upload, 'other')).status).toBe(412);
    expect(String(await service.bucket.read(upload.objectKey))).toBe('first');
  });

  it('signs a URL for one key only', async () => {
    const upload = await service.presign('alice', request);
    const moved = { ...upload, presignedUrl: upload.presignedUrl.replace('/alice/', '/bob/') };
    expect((await service.put(moved, 'hello')).status).toBe(403);
  });

  it('prevents that content with another SHA-256 becomes a file', async () => {
    const upload = await service.presign('alice', { ...request, checksumSha256: sha256('hello') });
    const refused = await service.put(upload, 'jello');
    // A store that supports checksums refuses the upload; otherwise the confirmation does.
    if (refused.ok) expectProblem(await service.confirm('alice', upload.objectKey), 422, 'verification-failed');
    else expect(refused.status).toBe(400);
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
  });

  it('works without the database', async () => {
    const other = await startTestService({ env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } });
    try {
      const upload = await other.presign('alice', request);
      expect((await other.put(upload, 'hello')).status).toBe(200);
      expectProblem(await other.confirm('alice', upload.objectKey), 503, 'database-unavailable');
    } finally {
      await other.close();
    }
  });

  it.each([
    ['1 byte too many', { size: 1001 }, 413, 'file-too-large', 'at most 1000'],
    ['the largest size', { size: 2 ** 53 - 1 }, 413, 'file-too-large', 'at most 1000'],
    ['too much for its kind', { documentType: 'id', contentType: 'image/png', size: 11 }, 413, 'file-too-large', ' id'],
    ['another type', { documentType: 'id', contentType: 'text/plain' }, 415, 'content-type-not-allowed', 'image/*, '],
    ['too much for both', { documentType: 'id', contentType: 'image/png', size: 1001 }, 413, 'file-too-large', '1000'],
  ])('refuses %s and names the limit', async (_name, change, status, code, detail) => {
    const answer = await service.call('alice', '/presign-upload', { ...request, ...change });
    expectProblem(answer, status, code);
    expect(answer.body.detail).toContain(detail);
  });

  it('accepts types of a document type with any case and parameters', async () => {
    await service.presign('alice', { ...request, documentType: 'id', contentType: 'Image/PNG; q="a b"' });
  });

  it.each([
    ['fileName', { fileName: '' }],
    ['fileName', { fileName: 'a\r\nX-Evil: 1' }],
    ['fileName', { fileName: 'a\u0000b' }],
    ['fileName', { fileName: 'fdp.\u202Eexe' }],
    ['fileName', { fileName: '\ud83d' }],
    ['fileName', { fileName: 'x'.repeat(256) }],
    ['fileName', { fileName: 7 }],
    ['fileName', { fileName: undefined }],
    ['contentType', { contentType: 'image' }],
    ['contentType', { contentType: 'image/png\r\nx: y' }],
    ['contentType', { contentType: `a/${'b'.repeat(127)}` }],
    ['contentType', { contentType: 'image/png, text/html' }],
    ['size', { size: -1 }],
    ['size', { size: 1.5 }],
    ['size', { size: 2 ** 53 }],
    ['size', { size: '5' }],
    ['size', { size: null }],
    ['checksumSha256', { checksumSha256: 'abc' }],
    ['checksumSha256', { checksumSha256: `${'A'.repeat(42)}B=` }],
    ['recordId', { recordId: '../bob' }],
    ['recordId', { recordId: '_' }],
    ['documentType', { documentType: 'a/b' }],
    ['documentType', { documentType: 'x'.repeat(65) }],
    ['metadata.Source', { metadata: { Source: 'a' } }],
    ['metadata.signpost-size', { metadata: { 'signpost-size': '1' } }],
    ['metadata.a', { metadata: { a: 'b\n' } }],
    ['metadata', { metadata: { a: 'x'.repeat(1025) } }],
    ['metadata', { metadata: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`a${i}`, ''])) }],
    ['expiresIn', { expiresIn: 0 }],
    ['expiresIn', { expiresIn: 604_801 }],
    ['userId', { userId: 'bob' }],
    ['objectKey', { objectKey: 'bob/x' }],
  ])('names an invalid %s (%#)', async (path, change) => {
    const answer = await service.call('alice', '/presign-upload', { ...request, ...change });
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body.errors).toEqual(expect.arrayContaining([expect.objectContaining({ path })]));
  });

  it.each([
    ['{"fileName":"a","contentType":"a/b","size":NaN}'],
    ['{"fileName":"a","contentType":"a/b","size":1,"__proto__":{"x":1}}'],
    ['{"fileName":"a","contentType":"a/b","size":1,"metadata":{"__proto__":"x"}}'],
    [''],
    ['null'],
    ['[]'],
    ['"a"'],
    ['['.repeat(10_000)],
    [`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
  ])('refuses an invalid body (%#)', async (body) => {
    expectProblem(await service.call('alice', '/presign-upload', body), 400, 'invalid-request');
  });

  it('refuses a body that is not UTF-8', async () => {
    const body = Buffer.from('{"fileName":"\xff","contentType":"a/b","size":1}', 'latin1');
    const response = await service.app.request('/presign-upload', {
      method: 'POST',
      body,
      headers: {
        authorization: `Bearer ${await mint('a')}`,
        'content-type': 'application/json',
      },
    });
    expect(response.status).toBe(400);
  });

  it('answers 415 to anything but JSON', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', '']) {
      const answer = await service.call('alice', '/presign-upload', request, { headers: { 'content-type': type } });
      expectProblem(answer, 415, 'unsupported-media-type');
    }
  });

  it('answers 413 to a body over 64 KiB', async () => {
    const body = JSON.stringify({ ...request, fileName: 'x'.repeat(65_536) });
    const headers = { 'content-length': String(body.length) };
    expectProblem(await service.call('alice', '/presign-upload', body, { headers }), 413, 'body-too-large');
  });
});
