import { describe, expect, it } from 'vitest';
import { expectProblem, mint } from '../helpers/test-service.ts';
import {
  archive,
  listed,
  NONE,
  patch,
  path,
  ROUTES,
  remove,
  restore,
  service,
  stateOf,
  storeAs,
} from './stored-files.ts';

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
