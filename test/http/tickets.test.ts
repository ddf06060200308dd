import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CallerLimits } from '../../src/config/caller-limits.ts';
import { expectProblem, mint, startTestService, type TestService, type Upload } from '../helpers/test-service.ts';

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const RECORD = { recordId: 'case-42' };
const HOUR_MS = 3_600_000;

let service: TestService;

/** Calls of who has a ticket with these limits, by default for alice's files. */
function holder(limits: CallerLimits, scope = 'files:write', user = 'alice') {
  const call = async <Body = Record<string, unknown>>(path: string, body?: unknown, method?: string) => {
    const headers = { authorization: `Bearer ${await mint(user, { scope, signpost: limits })}` };
    return service.call<Body>(user, path, body, { headers, ...(method !== undefined && { method }) });
  };
  const presign = async (request: Record<string, unknown> = {}) => {
    const answer = await call<Upload & Record<string, unknown>>('/presign-upload', { ...TEXT, ...request });
    expect(answer.body).toMatchObject({ objectKey: expect.any(String) });
    return answer.body;
  };
  const upload = async (request: Record<string, unknown> = {}) => {
    const presigned = await presign(request);
    expect((await service.put(presigned, 'hello')).status).toBe(200);
    return presigned;
  };
  const confirm = (objectKey: string) => call('/confirm-upload', { objectKey });
  return { call, presign, upload, confirm };
}

describe('a ticket', () => {
  beforeAll(async () => {
    const env = { ALLOWED_CONTENT_TYPES: 'text/*,image/*', MAX_UPLOAD_BYTES: '1000', EVENTS_SECRET: 's'.repeat(32) };
    service = await startTestService({ env });
  });
  afterAll(() => service.close());

  it.each<[CallerLimits, Record<string, unknown>, number, string]>([
    [{ maxBytes: 4 }, {}, 413, 'file-too-large'],
    [{ maxBytes: 5000 }, { size: 1001 }, 413, 'file-too-large'],
    [{ contentTypes: ['image/*'] }, {}, 415, 'content-type-not-allowed'],
    [{ contentTypes: ['*/*'] }, { contentType: 'video/mp4' }, 415, 'content-type-not-allowed'],
    [{ documentTypes: ['photo'] }, {}, 400, 'invalid-request'],
    [RECORD, {}, 400, 'invalid-request'],
    [RECORD, { recordId: 'case-43' }, 400, 'invalid-request'],
    [{ quotaBytes: 4 }, {}, 403, 'quota-exceeded'],
    [{ quotaFiles: 0 }, {}, 403, 'quota-exceeded'],
    [{ maxFiles: 0 }, {}, 403, 'quota-exceeded'],
    [{ ...RECORD, maxFiles: 0 }, RECORD, 403, 'quota-exceeded'],
    [{ uploadsUntil: '2026-01-01T00:00:00Z' }, {}, 403, 'forbidden'],
  ])('%j refuses an upload with %j, by every way in', async (limits, request, status, code) => {
    const { call } = holder(limits);
    const file = { ...TEXT, ...request };
    const { fileName: key, contentType, size, recordId } = file as typeof TEXT & { recordId?: string };
    expectProblem(await call('/presign-upload', file), status, code);
    expectProblem(await call('/presign-upload', { ...file, method: 'POST' }), status, code);
    expectProblem(await call('/presign-upload', { ...file, method: 'MULTIPART' }), status, code);
    expectProblem(await call('/presign-upload/batch', { files: [file] }), status, code);
    const more = { contentType, size, ...(recordId !== undefined && { recordId }) };
    expectProblem(await call('/sign-request', { method: 'PUT', key, ...more }), status, code);
    const metadata = { size: String(size), ...(recordId !== undefined && { recordId }) };
    expect((await call('/s3/multipart', { filename: key, type: contentType, metadata })).body.code).toBe(code);
    const query = new URLSearchParams({ filename: key, type: contentType });
    for (const [name, value] of Object.entries(metadata)) query.set(`metadata[${name}]`, value);
    expect((await call(`/s3/params?${query}`)).body.code).toBe(code);
  });

  it.each<[string, CallerLimits, string]>([
    ['maxBytes', { maxBytes: 4 }, 'verification-failed'],
    ['contentTypes', { contentTypes: ['image/*'] }, 'verification-failed'],
    ['quotaFiles', { quotaFiles: 0 }, 'quota-exceeded'],
    ['maxFiles', { maxFiles: 0 }, 'quota-exceeded'],
    ['maxFiles of a record', { ...RECORD, maxFiles: 0 }, 'quota-exceeded'],
  ])('with %s refuses to confirm an upload that was signed without it', async (_, limits, code) => {
    const upload = await service.presign('mallory', { ...TEXT, ...RECORD });
    await service.put(upload, 'hello');
    expect((await holder(limits, 'files:write', 'mallory').confirm(upload.objectKey)).body.code).toBe(code);
  });

  it('touches no upload and no file of another record or document type, and removes nothing there', async () => {
    const { call, confirm, upload } = holder(
      { ...RECORD, documentTypes: ['scan', 'photo'] },
      'files:write files:read',
      'rita',
    );
    for (const other of [{ recordId: 'case-43', documentType: 'photo' }, {}, { ...RECORD, documentType: 'other' }]) {
      const whole = await service.presign('rita', { ...TEXT, ...other });
      await service.put(whole, 'hello');
      const parts = await service.call<Upload & { uploadId: string }>('rita', '/presign-upload', {
        ...TEXT,
        ...other,
        method: 'MULTIPART',
      });
      const { objectKey, uploadId } = parts.body;
      expectProblem(await confirm(whole.objectKey), 403, 'not-your-object');
      expectProblem(await call('/abort-upload', { objectKey: whole.objectKey }), 403, 'not-your-object');
      const ofParts = { objectKey, uploadId };
      expectProblem(await call('/presign-parts', { ...ofParts, partNumbers: [1] }), 403, 'not-your-object');
      expectProblem(await call('/list-parts', ofParts), 403, 'not-your-object');
      expectProblem(await call('/abort-upload', ofParts), 403, 'not-your-object');
      expectProblem(await call('/confirm-upload', ofParts), 403, 'not-your-object');
      const signed = { method: 'DELETE', key: objectKey, uploadId };
      expectProblem(await call('/sign-request', signed), 403, 'not-your-object');
      expect((await service.confirm('rita', whole.objectKey)).status).toBe(201);
    }
    const own = await upload({ ...RECORD, documentType: 'photo' });
    expect((await confirm(own.objectKey)).status).toBe(201);
  });

  it('with contentTypes signs nothing of a type that only the confirmation would see', async () => {
    const { call } = holder({ contentTypes: ['text/*'] });
    for (const more of [{ method: 'PUT' }, { method: 'PUT', size: 5 }, { method: 'POST' }]) {
      expectProblem(await call('/sign-request', { key: 'a.txt', ...more }), 415, 'content-type-not-allowed');
    }
  });

  it('changes and deletes no file of another record, and moves none of its own away', async () => {
    const { call, upload, confirm } = holder(RECORD, 'files:write', 'nora');
    const theirs = await service.store('nora', 'hello', { recordId: 'case-43' });
    const path = `/files/${theirs.fileId}`;
    expectProblem(await call(path, { fileName: 'b' }, 'PATCH'), 403, 'forbidden');
    expectProblem(await call(`${path}/archive`, {}), 403, 'forbidden');
    expectProblem(await call(path, undefined, 'DELETE'), 403, 'forbidden');
    await service.call('nora', `${path}/archive`, {});
    expectProblem(await call(`${path}/archive`, {}), 403, 'forbidden');
    const own = await upload(RECORD);
    expect((await confirm(own.objectKey)).status).toBe(201);
    for (const recordId of ['case-43', null]) {
      const refused = await call(`/files/${own.fileId}`, { recordId }, 'PATCH');
      expectProblem(refused, 400, 'invalid-request');
      expect(refused.body.detail).toBe('you may upload to the record case-42 only');
    }
    expect((await call(`/files/${own.fileId}`, { fileName: 'b' }, 'PATCH')).status).toBe(200);
    expect((await call(`/files/${own.fileId}`, undefined, 'DELETE')).status).toBe(204);
  });

  it('lets exactly maxFiles of a record be confirmed, of any number at once', async () => {
    const { upload, confirm, call } = holder({ ...RECORD, maxFiles: 3 }, 'files:write', 'carol');
    await service.store('carol', 'hello', { recordId: 'case-43' });
    const uploads = await Promise.all(Array.from({ length: 12 }, () => upload(RECORD)));
    const answers = await Promise.all(uploads.map(({ objectKey }) => confirm(objectKey)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectProblem(answer, 403, 'quota-exceeded');
    }
    expectProblem(await call('/presign-upload', { ...TEXT, ...RECORD }), 403, 'quota-exceeded');
    const limits = { bytes: null, files: null, usedBytes: 20, usedFiles: 4, recordFiles: 3, usedRecordFiles: 3 };
    expect((await call('/limits')).body).toMatchObject({ ...RECORD, quota: limits });
  });

  it('raises the quota as well as it lowers it, and answers the one that applies', async () => {
    const other = await startTestService({ env: { QUOTA_FILES: '1', QUOTA_BYTES: '5' } });
    const before = service;
    service = other;
    try {
      const { upload, confirm, call } = holder(
        { quotaFiles: 3, quotaBytes: 50, maxFiles: 2 },
        'files:write files:read',
      );
      for (const status of [201, 201]) expect((await confirm((await upload()).objectKey)).status).toBe(status);
      expectProblem(await call('/presign-upload', TEXT), 403, 'quota-exceeded');
      expect((await call('/usage')).body).toEqual({ bytes: 10, files: 2, quotaBytes: 50, quotaFiles: 2 });
      expect((await service.call('alice', '/usage')).body).toMatchObject({ quotaBytes: 5, quotaFiles: 1 });
    } finally {
      service = before;
      await other.close();
    }
  });

  it('holds for its uploads when a bucket event, or a caller without limits, confirms them', async () => {
    const event = async (key: string) => {
      const Records = [
        { eventName: 's3:ObjectCreated:Put', s3: { bucket: { name: service.bucket.name }, object: { key } } },
      ];
      const headers = { authorization: `Bearer ${'s'.repeat(32)}` };
      return (await service.call('', '/events/s3', { Records }, { headers })).body;
    };
    const { upload } = holder({ ...RECORD, maxFiles: 1 }, 'files:write', 'dave');
    const [first, second, third] = [await upload(RECORD), await upload(RECORD), await upload(RECORD)];
    expect(await event(first.objectKey)).toMatchObject({ confirmed: 1 });
    expect(await event(second.objectKey)).toMatchObject({ refused: 1 });
    expectProblem(await service.confirm('dave', third.objectKey), 403, 'quota-exceeded');
    for (const limits of [{ maxFiles: 1 }, { quotaFiles: 1 }, { quotaBytes: 9 }]) {
      const ofOwner = holder(limits, 'files:write', `erin-${Object.keys(limits)}`);
      const [one, two] = [await ofOwner.upload(), await ofOwner.upload()];
      expect(await event(one.objectKey)).toMatchObject({ confirmed: 1 });
      expect(await event(two.objectKey)).toMatchObject({ refused: 1 });
    }
  });

  it('holds its size for parts that the client itself completes, whoever confirms them', async () => {
    const { call } = holder({ maxBytes: 4 }, 'files:write', 'frank');
    type Signed = { url: string; key: string; headers: Record<string, string> };
    const sign = async (request: object) => (await call<Signed>('/sign-request', request)).body;
    const begun = await sign({ method: 'POST', key: 'a.txt', contentType: 'text/plain' });
    const created = await fetch(begun.url, { method: 'POST', headers: begun.headers });
    const uploadId = /<UploadId>(.+)<\/UploadId>/.exec(await created.text())?.[1] ?? '';
    const { key } = begun;
    const part = await sign({ method: 'PUT', key, uploadId, partNumber: 1 });
    const etag = (await fetch(part.url, { method: 'PUT', body: 'hello' })).headers.get('etag');
    const { url } = await sign({ method: 'POST', key, uploadId });
    const list = `<Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part>`;
    const body = `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`;
    expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
    expectProblem(await service.confirm('frank', key), 422, 'verification-failed');
  });

  it('holds its size for a form, to the byte', async () => {
    const { call } = holder({ maxBytes: 5 }, 'files:write', 'fay');
    type Form = { url: string; key: string; fields: Record<string, string> };
    const submit = async (content: string) => {
      const asked = { method: 'PUT', key: 'a.txt', contentType: 'text/plain' };
      const { url, key, fields } = (await call<Form>('/sign-request', asked)).body;
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      form.set('file', new Blob([content]));
      const sent = await fetch(url, { method: 'POST', body: form });
      return [sent.ok, (await service.confirm('fay', key)).status];
    };
    expect(await submit('hello')).toEqual([true, 201]);
    expect(await submit('hello!')).toEqual([false, 404]);
  });

  it('has its limits in the answer of GET /limits', async () => {
    const limits = {
      documentTypes: ['photo'],
      contentTypes: ['image/png'],
      maxBytes: 7,
      uploadsUntil: '2036-01-01T00:00:00Z',
    };
    const { call } = holder({ ...limits, ...RECORD });
    expect((await call('/limits?documentType=photo')).body).toMatchObject({ ...limits, ...RECORD });
  });
});

describe('uploadsUntil', () => {
  afterEach(() => service.close());

  it('ends presigning while the token is remembered, and the URLs with it; confirming goes on', async () => {
    let now = new Date();
    service = await startTestService({ now: () => now });
    const until = new Date(now.getTime() + 60_000);
    const { call, presign, confirm } = holder({ uploadsUntil: until.toISOString() });
    const upload = await presign({ expiresIn: 3000 });
    expect(Date.parse(upload.expiresAt)).toBeLessThanOrEqual(until.getTime());
    const short = await presign({ expiresIn: 5 });
    expect(Date.parse(short.expiresAt)).toBeLessThanOrEqual(now.getTime() + 5000);
    await service.put(upload, 'hello');
    const parts = await presign({ method: 'MULTIPART' });
    now = new Date(until.getTime() - 10_000);
    expect((await call('/presign-upload', TEXT)).status).toBe(200);
    now = until;
    expectProblem(await call('/presign-upload', TEXT), 403, 'forbidden');
    expectProblem(await call('/presign-upload/batch', { files: [TEXT] }), 403, 'forbidden');
    const { objectKey, uploadId } = parts;
    expectProblem(await call('/presign-parts', { objectKey, uploadId, partNumbers: [1] }), 403, 'forbidden');
    expectProblem(await call('/sign-request', { method: 'POST', key: objectKey, uploadId: 'x' }), 403, 'forbidden');
    now = new Date(until.getTime() + HOUR_MS / 60);
    expect((await confirm(upload.objectKey)).status).toBe(201);
  });
});
