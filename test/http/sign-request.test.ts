import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

type Signed = { url: string; key: string; headers: Record<string, string>; fields: Record<string, string> };

let service: TestService;
beforeAll(async () => {
  const policies = { id: { maxBytes: 10, contentTypes: ['text/*'] } };
  service = await startTestService({ env: { UPLOAD_POLICIES: JSON.stringify(policies) } });
});
afterAll(() => service.close());

const sign = (request: Record<string, unknown>, user = 'alice', on = service) =>
  on.call<Signed>(user, '/sign-request', request);
const signed = async (request: Record<string, unknown>, on = service) => {
  const { status, body } = await sign(request, 'alice', on);
  expect([status, body]).toEqual([200, expect.anything()]);
  return body;
};
const submit = ({ url, fields }: Signed, content: string) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([content]));
  return fetch(url, { method: 'POST', body: form });
};
const between = (xml: string, tag: string) => new RegExp(`<${tag}>(.*?)</${tag}>`).exec(xml)?.[1] ?? '';
/** Like Uppy: sends the type of the file, unless the signer gave one. */
const create = async (begun: Signed, type: string) => {
  const response = await fetch(begun.url, { method: 'POST', headers: { 'content-type': type, ...begun.headers } });
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.stringContaining('InitiateMultipartUploadResult')]);
  return between(text, 'UploadId');
};
const finish = async (key: string, uploadId: string, parts: string[]) => {
  const { url, headers } = await signed({ method: 'POST', key, uploadId });
  const list = parts.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  const body = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/xml', ...headers }, body });
};
const sendPart = async (key: string, uploadId: string, partNumber: number, content: string) => {
  const { url } = await signed({ method: 'PUT', key, uploadId, partNumber });
  return (await fetch(url, { method: 'PUT', body: content })).headers.get('etag') ?? '';
};

describe('POST /sign-request for PutObject', () => {
  it('returns a form up to the limit, under a new key with the file’s name', async () => {
    const key = `${crypto.randomUUID()}-büro plan.txt`;
    const put = await signed({ method: 'PUT', key, contentType: 'text/plain', documentType: 'id', recordId: 'c-1' });
    expect(Object.keys(put).sort()).toEqual(['fields', 'key', 'url']);
    expect(put.key).toMatch(/^alice\/c-1\/id\/[0-9a-f-]{36}\/b_ro_plan\.txt$/);
    expect(put.fields).toMatchObject({ key: put.key, 'Content-Type': 'text/plain' });
    expect((await submit(put, 'eleven byte')).status).toBe(400);
    expect((await submit(put, 'ten bytes.')).ok).toBe(true);
    const confirmed = await service.confirm('alice', put.key);
    expect([confirmed.status, confirmed.body.fileName]).toEqual([201, 'büro plan.txt']);
  });

  it('corrects the file name', async () => {
    for (const [name, expected] of [
      ['Icon\r', 'Icon'],
      [`${'契'.repeat(90)}.txt`, `${'契'.repeat(83)}.txt`],
    ]) {
      const put = await signed({ method: 'PUT', key: `${crypto.randomUUID()}-${name}`, contentType: 'text/plain' });
      expect((await submit(put, 'hello')).ok).toBe(true);
      expect((await service.confirm('alice', put.key)).body.fileName).toBe(expected);
    }
  });

  it('returns a PUT of the exact size if the app sends it', async () => {
    const put = await signed({ method: 'PUT', key: 'a.txt', contentType: 'text/plain', size: 5, metadata: { a: 'b' } });
    expect(Object.keys(put).sort()).toEqual(['headers', 'key', 'url']);
    const send = (body: string) => fetch(put.url, { method: 'PUT', headers: put.headers, body });
    expect([(await send('sixsix')).status, (await send('hello')).status, (await send('again')).status]).toEqual([
      403, 200, 412,
    ]);
    expect((await service.confirm('alice', put.key)).body).toMatchObject({ size: 5, metadata: { a: 'b' } });
  });

  it('returns a PUT if the store does not support forms; confirming checks the limits', async () => {
    const r2 = await startTestService({ env: { S3_POST_POLICY: 'false', MAX_UPLOAD_BYTES: '10' } });
    const statuses = [];
    for (const body of ['hello', 'more than ten bytes']) {
      const { url, key, headers } = await signed({ method: 'PUT', key: 'a.txt', contentType: 'text/plain' }, r2);
      statuses.push((await fetch(url, { method: 'PUT', headers, body })).status);
      statuses.push((await r2.confirm('alice', key)).status);
    }
    expect(statuses).toEqual([200, 201, 200, 422]);
    await r2.close();
  });

  it('puts every key under the caller’s prefix, and refuses another user’s key', async () => {
    for (const key of ['../../bob/x.txt', 'bob/x.txt', '/bob/x.txt', 'a\\x.txt']) {
      expect((await signed({ method: 'PUT', key })).key).toMatch(/^alice\/_\/_\/[0-9a-f-]{36}\/x\.txt$/);
    }
    const { key } = await signed({ method: 'PUT', key: 'x.txt' });
    expectProblem((await sign({ method: 'PUT', key }, 'bob')) as unknown as Answer, 403, 'not-your-object');
    // Its own key begins another upload, under a new key.
    expect((await signed({ method: 'PUT', key })).key).not.toBe(key);
  });
});

describe('POST /sign-request for an upload in parts', () => {
  it('signs create, parts, list and complete, and the upload can be confirmed', async () => {
    const begun = await signed({ method: 'POST', key: 'film.txt' });
    const uploadId = await create(begun, 'text/plain');
    const { key } = begun;
    const first = await sendPart(key, uploadId, 1, 'a'.repeat(5 * 1024 ** 2));
    const list = await fetch((await signed({ method: 'GET', key, uploadId })).url);
    expect(between(await list.text(), 'PartNumber')).toBe('1');
    const second = await sendPart(key, uploadId, 2, 'end');
    const done = await finish(key, uploadId, [first, second]);
    expect([done.status, await done.text()]).toEqual([200, expect.stringContaining('CompleteMultipartUploadResult')]);
    const confirmed = await service.confirm('alice', key);
    expect(confirmed.status).toBe(201);
    expect(confirmed.body).toMatchObject({ fileName: 'film.txt', contentType: 'text/plain', size: 5 * 1024 ** 2 + 3 });
  });

  it('serves what was verified, also after another completion under its key', async () => {
    const begun = await signed({ method: 'POST', key: 'a.txt', contentType: 'text/plain', size: 5 });
    const uploads = [await create(begun, 'text/html'), await create(begun, 'text/html')];
    const [one = '', two = ''] = uploads;
    const etags = [await sendPart(begun.key, one, 1, 'hello'), await sendPart(begun.key, two, 1, 'other')];
    expect((await finish(begun.key, one, [etags[0] ?? ''])).status).toBe(200);
    const confirmed = await service.confirm('alice', begun.key);
    expect([confirmed.status, confirmed.body.contentType]).toEqual([201, 'text/plain']);
    expect((await finish(begun.key, two, [etags[1] ?? ''])).status).toBe(200);
    expect(await service.confirm('alice', begun.key)).toMatchObject({ status: 200, body: confirmed.body });
    const { fileId } = confirmed.body;
    const { body } = await service.call<{ presignedUrl: string }>('alice', '/presign-download', { fileId });
    expect(await (await fetch(body.presignedUrl)).text()).toBe('hello');
  });

  it('serves a file under its verified type, not under one that the client added after a comma', async () => {
    const begun = await signed({ method: 'POST', key: 'a.png' });
    const uploadId = await create(begun, 'IMAGE/PNG;a=b,text/html');
    expect((await finish(begun.key, uploadId, [await sendPart(begun.key, uploadId, 1, 'hello')])).status).toBe(200);
    const { body } = await service.confirm('alice', begun.key);
    expect(body).toMatchObject({ contentType: 'image/png; a="b,text/html"' });
    const request = { fileId: body.fileId, disposition: 'inline' };
    const download = await service.call<{ presignedUrl: string }>('alice', '/presign-download', request);
    const { headers } = await fetch(download.body.presignedUrl);
    expect(headers.get('content-type')).toBe('image/png; a="b,text/html"');
    expect(headers.get('content-disposition')).toMatch(/^inline/);
  });

  it('aborts', async () => {
    const begun = await signed({ method: 'POST', key: 'a.txt' });
    const uploadId = await create(begun, 'text/plain');
    const abort = await signed({ method: 'DELETE', key: begun.key, uploadId });
    expect((await fetch(abort.url, { method: 'DELETE' })).status).toBe(204);
    const list = await signed({ method: 'GET', key: begun.key, uploadId });
    expect((await fetch(list.url)).status).toBe(404);
  });

  it('names the part that the largest file does not have', async () => {
    const { key } = await signed({ method: 'POST', key: 'a.txt', documentType: 'id' });
    const refused = (await sign({ method: 'PUT', key, uploadId: 'x', partNumber: 2 })) as unknown as Answer;
    expectProblem(refused, 400, 'invalid-request');
    const message = 'is above 1: the largest file has no such part';
    expect(refused.body.errors).toEqual([{ path: 'partNumber', message }]);
  });

  it('verifies size, type and limits that it could not sign', async () => {
    const cases: [Record<string, unknown>, string, string][] = [
      [{ size: 5 }, 'text/plain', 'longer'],
      [{ documentType: 'id' }, 'text/plain', 'eleven byte'],
      [{ documentType: 'id' }, 'image/gif', 'GIF89a'],
      [{}, 'image/png', '<html>no picture'],
      [{}, 'no type', 'hello'],
      [{}, '*/*', 'hello'],
      [{}, 'image/png, text/html', 'hello'],
    ];
    for (const [more, type, content] of cases) {
      const begun = await signed({ method: 'POST', key: 'a.txt', ...more });
      const uploadId = await create(begun, type);
      expect((await finish(begun.key, uploadId, [await sendPart(begun.key, uploadId, 1, content)])).status).toBe(200);
      expectProblem(await service.confirm('alice', begun.key), 422, 'verification-failed');
      expect(await service.bucket.read(begun.key)).toBeNull();
    }
  });
});

describe('POST /sign-request', () => {
  it('signs only keys under the caller’s prefix that it has issued', async () => {
    const { key } = await signed({ method: 'POST', key: 'a.txt' });
    const follow = [{ method: 'POST' }, { method: 'GET' }, { method: 'DELETE' }, { method: 'PUT', partNumber: 1 }].map(
      (request) => ({ ...request, uploadId: 'x' }),
    );
    for (const request of follow) {
      const others = (await sign({ ...request, key }, 'bob')) as unknown as Answer;
      expectProblem(others, 403, 'not-your-object');
      for (const other of ['alicex/a', '.verified/x', 'bob/../alice/x']) {
        expectProblem((await sign({ ...request, key: other })) as unknown as Answer, 403, 'not-your-object');
      }
      expectProblem((await sign({ ...request, key: 'alice/x' })) as unknown as Answer, 404, 'upload-not-found');
    }
  });

  it('never signs DeleteObject', async () => {
    const { objectKey } = await service.store('alice', 'hello');
    expectProblem((await sign({ method: 'DELETE', key: objectKey })) as unknown as Answer, 403, 'forbidden');
  });

  it.each([
    ['GetObject', { method: 'GET', key: 'a' }],
    ['HeadObject', { method: 'HEAD', key: 'a' }],
    ['an empty key', { method: 'PUT', key: '' }],
    ['a key without a name', { method: 'PUT', key: 'a/' }],
    ['a part without an upload', { method: 'PUT', key: 'a', partNumber: 1 }],
    ['a PUT to an upload without a part', { method: 'PUT', key: 'a', uploadId: 'x' }],
    ['a POST of a part', { method: 'POST', key: 'a', uploadId: 'x', partNumber: 1 }],
    ['part 10,001', { method: 'PUT', key: 'a', uploadId: 'x', partNumber: 10_001 }],
    ['a lifetime of over seven days', { method: 'PUT', key: 'a', expiresIn: 604_801 }],
    ['an unknown field', { method: 'PUT', key: 'a', acl: 'public-read' }],
  ])('answers 400 to %s', async (_name, request) => {
    expectProblem((await sign(request)) as unknown as Answer, 400, 'invalid-request');
  });

  it('expires when the caller wants', async () => {
    const { url } = await signed({ method: 'POST', key: 'a.txt', expiresIn: 7 });
    expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('7');
  });
});
