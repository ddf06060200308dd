import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Answer, expectProblem, startTestService } from '../helpers/test-service.ts';
import {
  begin,
  complete,
  expectRefusal,
  MAX_BYTES,
  MIB,
  type Params,
  params,
  path,
  sendPart,
  service,
  signPart,
  submit,
} from './companion-calls.ts';

describe('GET /s3/params', () => {
  it('answers a form as Companion does; the app then confirms the file', async () => {
    const { status, body } = await params({
      filename: 'IMG_1.txt',
      type: 'text/plain',
      'metadata[name]': 'büro plan.txt',
      'metadata[type]': 'text/plain',
      'metadata[relativePath]': 'null',
      'metadata[Caption]': 'Lärm',
      'metadata[exif data]': 'x',
      'metadata[recordId]': 'case-1',
    });
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['expires', 'fields', 'method', 'url']);
    expect(body).toMatchObject({ method: 'POST', expires: 300, fields: { success_action_status: '201' } });
    expect(body.fields.key).toMatch(/^alice\/case-1\/_\/[0-9a-f-]{36}\/b_ro_plan\.txt$/);
    const stored = await submit(body, 'hello');
    expect(stored.status).toBe(201);
    expect(await stored.text()).toContain(`<Key>${body.fields.key}</Key>`);
    const confirmed = await service.confirm('alice', body.fields.key ?? '');
    expect(confirmed.status).toBe(201);
    expect(confirmed.body).toMatchObject({
      fileName: 'büro plan.txt',
      contentType: 'text/plain',
      size: 5,
      recordId: 'case-1',
      metadata: { caption: 'Lärm' },
    });
  });

  it('corrects the file name, and drops invalid metadata', async () => {
    const metadata = {
      name: `Icon\r${'契'.repeat(90)}.pdf`,
      caption: 'two\r\nlines',
      long: 'x'.repeat(1100),
      after: 'kept',
      'signpost-size': '1',
      ...Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`field-${index}`, 'x'])),
    };
    const query = Object.entries(metadata).map(([name, value]) => [`metadata[${name}]`, value]);
    const { body } = await params({ filename: 'a.txt', type: 'text/plain', ...Object.fromEntries(query) });
    expect((await submit(body, 'hello')).status).toBe(201);
    const { body: file } = await service.confirm('alice', body.fields.key ?? '');
    expect(file).toMatchObject({
      fileName: `Icon${'契'.repeat(82)}.pdf`,
      metadata: { caption: 'two lines', after: 'kept', 'field-7': 'x' },
    });
    expect(Object.keys(file.metadata as object)).toHaveLength(10);
    const parts = await begin({ ...metadata, name: 'Icon\r' });
    expect(parts.key).toMatch(/\/Icon$/);
  });

  it('signs the document type’s limit, so that the bucket refuses more', async () => {
    const { body } = await params({ filename: 'a.txt', type: 'text/plain', 'metadata[documentType]': 'id' });
    const refused = await submit(body, 'eleven byte');
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('EntityTooLarge')]);
    expect((await submit(body, 'ten bytes.')).status).toBe(201);
    expect((await service.confirm('alice', body.fields.key ?? '')).status).toBe(201);
  });

  it('signs the exact size if the app sends it, also 0', async () => {
    const { body } = await params({ filename: 'a.txt', type: 'text/plain', 'metadata[size]': '5' });
    for (const content of ['four', 'sixsix']) expect((await submit(body, content)).status).toBe(400);
    expect((await submit(body, 'five.')).status).toBe(201);
    const empty = await params({ filename: 'empty', type: '' });
    expect((await submit(empty.body, '')).status).toBe(201);
    expect((await service.confirm('alice', empty.body.fields.key ?? '')).body).toMatchObject({
      size: 0,
      contentType: 'application/octet-stream',
    });
  });

  it.each([
    ['no name', 400, 'invalid-request', { type: 'text/plain' }],
    ['an empty name', 400, 'invalid-request', { filename: '' }],
    ['a key', 400, 'invalid-request', { filename: 'a', key: 'x' }],
    ['a negative size', 400, 'invalid-request', { filename: 'a', 'metadata[size]': '-1' }],
    ['an invalid record id', 400, 'invalid-request', { filename: 'a', 'metadata[recordId]': '../bob' }],
    ['an invalid type', 400, 'invalid-request', { filename: 'a', type: 'no type' }],
    ['a large size', 413, 'file-too-large', { filename: 'a', 'metadata[size]': String(MAX_BYTES + 1) }],
    [
      'a forbidden type',
      415,
      'content-type-not-allowed',
      { filename: 'a', type: 'image/png', 'metadata[documentType]': 'id' },
    ],
  ] as [string, number, string, Record<string, string>][])('refuses %s with %i', async (_name, status, code, query) => {
    expectRefusal((await params(query)) as unknown as Answer, status, code);
  });

  it('answers one PUT if the store does not support forms, with the key where Uppy reads it', async () => {
    const r2 = await startTestService({ env: { S3_POST_POLICY: 'false', MAX_UPLOAD_BYTES: '10' } });
    const { body } = await params({ filename: 'a.txt', type: 'text/plain' }, r2);
    expect(body).toMatchObject({ method: 'PUT', fields: { key: expect.stringMatching(/^alice\//) } });
    const put = (content: string, { url, headers }: Params) =>
      fetch(url, { method: 'PUT', headers: headers as Record<string, string>, body: content });
    expect((await put('hello', body)).status).toBe(200);
    expect((await put('again', body)).status).toBe(412);
    expect((await r2.confirm('alice', body.fields.key ?? '')).status).toBe(201);

    const large = (await params({ filename: 'a.txt', type: 'text/plain' }, r2)).body;
    expect((await put('more than ten bytes', large)).status).toBe(200);
    expectProblem(await r2.confirm('alice', large.fields.key ?? ''), 422, 'verification-failed');
    expect(await r2.bucket.read(large.fields.key ?? '')).toBeNull();
    await r2.close();
  });
});

describe('/s3/multipart', () => {
  it('accepts parts of the client’s sizes, and confirms the file when it is completed', async () => {
    const bytes = randomBytes(13 * MIB + 1);
    const upload = await begin({ name: 'film.bin', type: 'application/octet-stream', relativePath: null, rating: 5 });
    expect(Object.keys(upload).sort()).toEqual(['bucket', 'key', 'uploadId']);
    const first = await sendPart(upload, 1, bytes.subarray(0, 6 * MIB));
    const listed = await service.call<unknown[]>('alice', path(upload));
    expect(listed.body).toEqual([{ ...first, Size: 6 * MIB }]);
    const others = [await sendPart(upload, 2, bytes.subarray(6 * MIB, 13 * MIB))];
    others.push(await sendPart(upload, 3, bytes.subarray(13 * MIB)));
    // ETags without quotes, as from Uppy 6; with other headers of the answer, as from Uppy 3.
    const parts = [first, ...others].map(({ ETag, ...part }) => ({
      ...part,
      ETag: ETag.replaceAll('"', ''),
      etag: ETag,
    }));
    const { status, body } = await complete(upload, parts);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      key: upload.key,
      bucket: upload.bucket,
      location: expect.stringContaining(upload.key),
    });
    const file = body.file as { fileId: string };
    expect(file).toMatchObject({ size: bytes.length, fileName: 'film.bin', metadata: { rating: '5' } });
    expect((await service.call('alice', `/files/${file.fileId}`)).body).toEqual(file);
    expect(bytes.equals((await service.bucket.read(upload.key)) ?? Buffer.alloc(0))).toBe(true);
    // An app that confirms every upload gets the same file.
    expect(await service.confirm('alice', upload.key)).toMatchObject({ status: 200, body: file });
    expect((await service.call('alice', path(upload), undefined, { method: 'DELETE' })).status).toBe(409);
  });

  it('signs the exact length of each part if the app sends the size', async () => {
    const upload = await begin({ size: 5 * MIB + 3 });
    const { url } = (await signPart(upload, 2)).body;
    const statuses = [];
    for (const length of [2, 4, 3])
      statuses.push((await fetch(url, { method: 'PUT', body: randomBytes(length) })).status);
    expect(statuses).toEqual([403, 403, 200]);
    expectRefusal((await signPart(upload, 3)) as unknown as Answer, 400, 'invalid-request');
    const first = await sendPart(upload, 1, randomBytes(5 * MIB));
    expectRefusal(await complete(upload, [first]), 400, 'invalid-request');
  });

  it('splits a file of known size as the app does', async () => {
    const upload = await begin({ size: String(13 * MIB), partSize: 8 * MIB });
    const parts = [await sendPart(upload, 1, randomBytes(8 * MIB)), await sendPart(upload, 2, randomBytes(5 * MIB))];
    expect((await complete(upload, parts)).status).toBe(200);
  });

  it('signs many parts at once', async () => {
    const upload = await begin();
    const batch = `${path(upload, '/batch')}&partNumbers=1,3`;
    const { body } = await service.call<{ presignedUrls: Record<string, string> }>('alice', batch);
    expect(Object.keys(body.presignedUrls)).toEqual(['1', '3']);
    expect((await fetch(body.presignedUrls['3'] ?? '', { method: 'PUT', body: 'x' })).status).toBe(200);
  });

  it('aborts and leaves nothing', async () => {
    const upload = await begin();
    await sendPart(upload, 1, randomBytes(10));
    const remove = () => service.call('alice', path(upload), undefined, { method: 'DELETE' });
    expect(await remove()).toMatchObject({ status: 200, body: {} });
    expect((await remove()).status).toBe(200);
    expectRefusal(await service.call('alice', path(upload)), 404, 'upload-not-found');
  });

  it('removes a file that exceeds the limit, and signs no part beyond it', async () => {
    const upload = await begin({ documentType: 'id' }, 'text/plain');
    expectRefusal((await signPart(upload, 2)) as unknown as Answer, 400, 'invalid-request');
    const part = await sendPart(upload, 1, Buffer.from('eleven byte'));
    expectRefusal(await complete(upload, [part]), 422, 'verification-failed');
    expect(await service.bucket.read(upload.key)).toBeNull();
    const forged = { ...upload, uploadId: upload.uploadId.replace(/^\d+/, String(MAX_BYTES)) };
    expectRefusal((await signPart(forged, 1)) as unknown as Answer, 404, 'upload-not-found');
  });

  it('completes no upload with a gap or without a list of parts', async () => {
    const upload = await begin();
    const last = await sendPart(upload, 2, Buffer.from('end'));
    expectRefusal(await complete(upload, [last]), 409, 'conflict');
    const first = await sendPart(upload, 1, randomBytes(5 * MIB));
    expectRefusal(await complete(upload, [first]), 400, 'invalid-request');
    const { key: objectKey, uploadId } = upload;
    expectProblem(await service.call('alice', '/confirm-upload', { objectKey, uploadId }), 400, 'invalid-request');
    expect((await complete(upload, [first, last])).status).toBe(200);
  });

  it('compares the type with the bytes', async () => {
    const upload = await begin({}, 'image/png');
    const part = await sendPart(upload, 1, Buffer.from('<script>alert(1)</script>'));
    expectRefusal(await complete(upload, [part]), 422, 'verification-failed');
  });

  it('refuses another user’s upload', async () => {
    const upload = await begin();
    const asBob = (more: string, body?: object, method?: string) =>
      service.call('bob', path(upload, more), body, method === undefined ? {} : { method });
    const answers = [
      await asBob(''),
      await asBob('/1'),
      await asBob('', undefined, 'DELETE'),
      await asBob('/complete', { parts: [{ PartNumber: 1, ETag: 'x' }] }),
    ];
    for (const answer of answers) expectRefusal(answer, 403, 'not-your-object');
  });

  it.each([
    ['/s3/multipart/x/1', 400],
    ['/s3/multipart/x/y?key=alice/a', 400],
    ['/s3/multipart/x/0?key=alice/a', 400],
    ['/s3/multipart/x/1?key=alice/a', 404],
    ['/s3/multipart/x/batch?key=alice/a&partNumbers=1,,2', 400],
    ['/s3/nothing', 404],
    ['/s3/sts', 404],
  ])('answers %s with %i and both error and message', async (path, status) => {
    const { body, ...answer } = await service.call('alice', path);
    expect(answer.status).toBe(status);
    expect([body.error, body.message]).toEqual([body.detail, body.detail]);
  });

  it('names an invalid part number', async () => {
    const { body } = await service.call('alice', '/s3/multipart/x/10001?key=alice/a');
    expect(body.errors).toMatchObject([{ path: 'partNumber' }]);
  });
});
