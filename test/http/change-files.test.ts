import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRelay } from '../helpers/relay.ts';
import {
  type Answer,
  expectProblem,
  mint,
  startTestBucket,
  startTestService,
  type TestService,
} from '../helpers/test-service.ts';

const NONE = '0198c0de-0000-7000-8000-000000000001';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: {
      UPLOAD_POLICIES: '{"note":{"contentTypes":["text/plain"],"maxBytes":5},"image":{"contentTypes":["image/*"]}}',
    },
  });
});
afterAll(() => service.close());

type Stored = { fileId: string; objectKey: string };
type State = 'active' | 'archived' | 'deleted';

const path = ({ fileId }: Pick<Stored, 'fileId'>, rest = '') => `/files/${fileId}${rest}`;
const archive = (file: Stored, user = 'alice') => service.call(user, path(file, '/archive'), {});
const restore = (file: Stored, user = 'alice') => service.call(user, path(file, '/restore'), {});
const remove = (file: Pick<Stored, 'fileId'>, user = 'alice', on = service) =>
  on.call(user, path(file), undefined, { method: 'DELETE' });
const patch = (file: Stored, change: unknown, user = 'alice') =>
  service.call(user, path(file), change, { method: 'PATCH' });

const storeAs = async (state: State, on = service): Promise<Stored> => {
  const file = await on.store('alice', 'hello');
  if (state === 'archived') expect((await on.call('alice', path(file, '/archive'), {})).status).toBe(200);
  if (state === 'deleted') expect((await remove(file, 'alice', on)).status).toBe(204);
  return file;
};
const listed = async (file: Stored): Promise<boolean> => {
  const { body } = await service.call<{ files: Stored[] }>('alice', '/files?limit=1000');
  return body.files.some(({ fileId }) => fileId === file.fileId);
};
const stateOf = (file: Stored) =>
  service.database.query('select status, deleted_at, object_removed_at from files where id = $1', [file.fileId]);

const ROUTES: Record<string, (file: Stored) => Promise<Answer>> = {
  'GET /files/{fileId}': (file) => service.call('alice', path(file)),
  'PATCH /files/{fileId}': (file) => patch(file, { fileName: 'b.txt' }),
  'POST /files/{fileId}/archive': archive,
  'POST /files/{fileId}/restore': restore,
  'DELETE /files/{fileId}': remove,
  'POST /presign-download by id': ({ fileId }) => service.call('alice', '/presign-download', { fileId }),
  'POST /presign-download by key': ({ objectKey }) => service.call('alice', '/presign-download', { objectKey }),
  'POST /presign-download/batch': ({ fileId }) =>
    service.call('alice', '/presign-download/batch', { fileIds: [fileId] }),
  'GET /files/{fileId}/download': async (file) => {
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const response = await service.app.request(path(file, '/download'), { headers });
    const body = response.status === 302 ? {} : ((await response.json()) as Answer['body']);
    return { status: response.status, headers: response.headers, body };
  },
  'POST /confirm-upload': ({ objectKey }) => service.confirm('alice', objectKey),
  'POST /abort-upload': ({ objectKey }) => service.call('alice', '/abort-upload', { objectKey }),
};

describe.each([
  ['GET /files/{fileId}', 200, 200, 404],
  ['PATCH /files/{fileId}', 200, 200, 404],
  ['POST /files/{fileId}/archive', 200, 200, 404],
  ['POST /files/{fileId}/restore', 409, 200, 404],
  ['DELETE /files/{fileId}', 204, 204, 404],
  ['POST /presign-download by id', 200, 409, 404],
  ['POST /presign-download by key', 200, 409, 404],
  ['POST /presign-download/batch', 200, 409, 404],
  ['GET /files/{fileId}/download', 302, 409, 404],
  ['POST /confirm-upload', 200, 200, 404],
  ['POST /abort-upload', 409, 409, 204],
])('%s', (route, active, archived, deleted) => {
  it.each([
    ['active', active],
    ['archived', archived],
    ['deleted', deleted],
  ] as const)(`of an %s file answers %i`, async (state, status) => {
    const file = await storeAs(state);
    const before = await stateOf(file);
    const answer = await ROUTES[route]?.(file);
    if (answer === undefined) throw new Error(route);
    expect(answer.status).toBe(status);
    if (status === 409) expectProblem(answer, 409, 'conflict');
    if (status === 404) expect(answer.body.code).toMatch(/^(file|object)-not-found$/);
    // A refused call changes nothing.
    if (status >= 400) expect(await stateOf(file)).toEqual(before);
  });
});

describe('an archived file', () => {
  it('is in no default list until it is restored, and shows its status', async () => {
    const file = await storeAs('active');
    expect(await listed(file)).toBe(true);
    expect((await archive(file)).body).toEqual({ ...file, status: 'archived' });
    expect(await listed(file)).toBe(false);
    expect((await service.confirm('alice', file.objectKey)).body).toEqual({ ...file, status: 'archived' });
    expect((await restore(file)).body).toEqual(file);
    expect(await listed(file)).toBe(true);
    expect((await service.call('alice', path(file))).body).toEqual(file);
  });
});

describe('a call that is repeated because its answer was lost', () => {
  it('archives once, and succeeds again', async () => {
    const file = await storeAs('archived');
    for (let n = 0; n < 2; n++)
      expect(await archive(file)).toMatchObject({ status: 200, body: { status: 'archived' } });
    const archived = `select outcome from audit_events where action = 'file.archive' and file_id = $1`;
    expect(await service.database.query(archived, [file.fileId])).toEqual([{ outcome: 'ok' }]);
    await restore(file);
    expectProblem(await restore(file), 409, 'conflict');
    await remove(file);
    expectProblem(await remove(file), 404, 'file-not-found');
  });
});

describe('PATCH /files/{fileId}', () => {
  it('changes only the given fields; the key stays, and downloads have the new name', async () => {
    const file = await service.store('alice', 'hello', { recordId: 'r1', documentType: 'note', metadata: { a: '1' } });
    const change = { fileName: 'naïve 契約.txt', metadata: { b: 'ü' } };
    const changed = { ...file, ...change };
    expect(await patch(file, change)).toMatchObject({ status: 200, body: changed });
    expect((await service.call('alice', path(file))).body).toEqual(changed);
    const { body } = await service.call<{ presignedUrl: string }>('alice', '/presign-download', {
      fileId: file.fileId,
    });
    const download = await fetch(body.presignedUrl);
    expect(await download.text()).toBe('hello');
    expect(download.headers.get('content-disposition')).toContain("filename*=UTF-8''na%C3%AFve%20");
    // Confirming again returns the changed file.
    expect((await service.confirm('alice', file.objectKey)).body).toEqual(changed);
    expect((await patch(file, { recordId: null, documentType: null })).body).toEqual({
      ...changed,
      recordId: null,
      documentType: null,
    });
    expect((await patch(file, { metadata: {} })).body).toMatchObject({ metadata: {}, fileName: change.fileName });
  });

  it.each([
    ['an empty body', {}],
    ['an unknown field', { fileName: 'b.txt', size: 7 }],
    ['a field that cannot change', { objectKey: 'alice/x' }],
    ['a status', { status: 'archived' }],
    ['an empty name', { fileName: '' }],
    ['no name', { fileName: null }],
    ['a name with a control character', { fileName: 'a\nb' }],
    ['a record id with a slash', { recordId: '../x' }],
    ['reserved metadata', { metadata: { 'signpost-name': 'x' } }],
    ['metadata that is not text', { metadata: { a: 1 } }],
    ['a list', []],
  ])('refuses %s', async (_, change) => {
    const file = await storeAs('active');
    expectProblem(await patch(file, change), 400, 'invalid-request');
    expect((await service.call('alice', path(file))).body).toEqual(file);
  });

  it('applies the limits of a new document type', async () => {
    const file = await service.store('alice', 'hello!');
    expectProblem(await patch(file, { documentType: 'note' }), 413, 'file-too-large');
    expectProblem(await patch(file, { documentType: 'image' }), 415, 'content-type-not-allowed');
    expect((await patch(file, { documentType: 'other' })).body).toEqual({ ...file, documentType: 'other' });
    const small = await storeAs('archived');
    expect((await patch(small, { documentType: 'note' })).body).toMatchObject({ documentType: 'note' });
  });
});

describe('another user’s file', () => {
  it.each(['PATCH', 'DELETE', 'archive', 'restore'])('does not exist for %s', async (what) => {
    const file = await storeAs('active');
    const act = {
      PATCH: () => patch(file, { fileName: 'stolen' }, 'bob'),
      DELETE: () => remove(file, 'bob'),
      archive: () => archive(file, 'bob'),
      restore: () => restore(file, 'bob'),
    }[what];
    if (act === undefined) throw new Error(what);
    expectProblem(await act(), 404, 'file-not-found');
    expect((await service.call('alice', path(file))).body).toEqual(file);
  });

  it.each([NONE, 'x', NONE.replace('-7', '-4'), '%00'])('does not exist under the id %s', async (fileId) => {
    expectProblem(await remove({ fileId }), 404, 'file-not-found');
  });
});

describe('the scopes', () => {
  it('need files:write to change and delete, without files:read', async () => {
    const as = async (scope: string, method: string, rest = '', body?: unknown) => {
      const authorization = `Bearer ${await mint('alice', { scope })}`;
      return service.call('alice', path(file, rest), body, { method, headers: { authorization } });
    };
    const file = await storeAs('active');
    for (const [method, rest, body] of [
      ['PATCH', '', { fileName: 'b' }],
      ['POST', '/archive', {}],
      ['POST', '/restore', {}],
      ['DELETE', '', undefined],
    ] as const) {
      expectProblem(await as('files:read', method, rest, body), 403, 'forbidden');
    }
    expectProblem(await as('files:write', 'GET'), 403, 'forbidden');
    expect((await as('files:write', 'PATCH', '', { fileName: 'b' })).status).toBe(200);
    expect((await as('files:write', 'POST', '/archive', {})).status).toBe(200);
    expect((await as('files:write', 'POST', '/restore', {})).status).toBe(200);
    expect((await as('files:write', 'DELETE')).status).toBe(204);
  });
});

describe('DELETE /files/{fileId}', () => {
  it('removes the object in the same call, and the file from every list', async () => {
    const file = await storeAs('active');
    const { status, body } = await remove(file);
    expect([status, body]).toEqual([204, null]);
    expect(await service.bucket.read(file.objectKey)).toBeNull();
    expect(await listed(file)).toBe(false);
    const [row] = await stateOf(file);
    expect(row).toEqual({ status: 'deleted', deleted_at: expect.any(Date), object_removed_at: expect.any(Date) });
  });

  it('succeeds once for simultaneous calls', async () => {
    const file = await storeAs('active');
    const statuses = (await Promise.all(Array.from({ length: 10 }, () => remove(file)))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([204, ...Array.from({ length: 9 }, () => 404)]);
  });

  it('is final: an object uploaded again under its key can become no file, and is removed', async () => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'hello');
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
    await remove(upload);
    expect((await service.put(upload, 'world')).status).toBe(200);
    expectProblem(await service.confirm('alice', upload.objectKey), 409, 'conflict');
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
    expectProblem(await service.call('alice', path(upload)), 404, 'file-not-found');
  });

  it('leaves an object that was written under its key by other means', async () => {
    const file = await storeAs('active');
    await service.bucket.write(file.objectKey, 'replaced');
    expect((await remove(file)).status).toBe(204);
    // A store without conditional deletes cannot detect it.
    const left = await service.bucket.read(file.objectKey);
    if (process.env.TEST_S3_ENDPOINT === undefined) expect(String(left)).toBe('replaced');
  });

  it('keeps the object for DELETE_AFTER_SECONDS, despite confirmations and abortions', async () => {
    const keeping = await startTestService({ env: { DELETE_AFTER_SECONDS: '3600' } });
    try {
      const file = await storeAs('deleted', keeping);
      expectProblem(await keeping.call('alice', path(file)), 404, 'file-not-found');
      expectProblem(await keeping.confirm('alice', file.objectKey), 409, 'conflict');
      const { status } = await keeping.call('alice', '/abort-upload', { objectKey: file.objectKey });
      expect(status).toBe(204);
      expect(String(await keeping.bucket.read(file.objectKey))).toBe('hello');
      const [row] = await keeping.database.query('select status, object_removed_at from files');
      expect(row).toEqual({ status: 'deleted', object_removed_at: null });
    } finally {
      await keeping.close();
    }
  });

  it('removes the copy with FREEZE_UPLOADS=all', async () => {
    const freezing = await startTestService({ env: { FREEZE_UPLOADS: 'all' } });
    try {
      const file = await freezing.store('alice', 'hello');
      const [row] = await freezing.database.query('select stored_key from files');
      const copy = String(row?.stored_key);
      expect(String(await freezing.bucket.read(copy))).toBe('hello');
      expect((await remove(file, 'alice', freezing)).status).toBe(204);
      expect(await freezing.bucket.read(copy)).toBeNull();
      expect(await freezing.bucket.read(file.objectKey)).toBeNull();
    } finally {
      await freezing.close();
    }
  });

  it('removes the copy of a form', async () => {
    const request = { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'POST' };
    type Form = Stored & { presignedUrl: string; fields: Record<string, string> };
    const { body: upload } = await service.call<Form>('alice', '/presign-upload', request);
    const form = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
    form.append('file', new Blob(['hello']));
    expect((await fetch(upload.presignedUrl, { method: 'POST', body: form })).status).toBeLessThan(300);
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
    const [row] = await service.database.query('select stored_key from files where id = $1', [upload.fileId]);
    expect(await service.bucket.read(String(row?.stored_key))).not.toBeNull();
    expect((await remove(upload)).status).toBe(204);
    expect(await service.bucket.read(String(row?.stored_key))).toBeNull();
  });

  it('answers 204 while the bucket is down; the row records the remaining step', async () => {
    const bucket = await startTestBucket();
    const relay = await startRelay(bucket.endpoint);
    const cut = await startTestService({
      env: { ...bucket.env, S3_ENDPOINT: relay.url, S3_PUBLIC_ENDPOINT: bucket.endpoint },
    });
    try {
      const file = await storeAs('active', cut);
      await relay.goAway();
      expect((await remove(file, 'alice', cut)).status).toBe(204);
      expectProblem(await cut.call('alice', path(file)), 404, 'file-not-found');
      expect(String(await bucket.read(file.objectKey))).toBe('hello');
      const [row] = await cut.database.query('select status, object_removed_at from files');
      expect(row).toEqual({ status: 'deleted', object_removed_at: null });
      expect(cut.logs.some(({ level, message }) => level === 'error' && message.includes('sweeper'))).toBe(true);
    } finally {
      await cut.close();
      await relay.goAway();
      await bucket.close();
    }
  });
});
