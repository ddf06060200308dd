import { describe, expect, it } from 'vitest';
import { expectProblem, mint } from '../helpers/test-service.ts';
import { acts, admin, eventsOf, NONE, redirect, service, someone, TEXT } from './audit-service.ts';

describe('the audit log', () => {
  it('has a row for each action on a file, with actor, action, file and request', async () => {
    const user = someone();
    const { fileId, objectKey } = await service.store(user, 'hello');
    const presigned = await service.call(user, '/presign-download', { fileId });
    await service.call(user, '/presign-download', { objectKey });
    expect((await redirect(user, fileId)).status).toBe(302);
    await service.call(user, '/presign-download/batch', { fileIds: [fileId, fileId] });
    await service.call(user, `/files/${fileId}`, { fileName: 'b.txt' }, { method: 'PATCH' });
    await service.call(user, `/files/${fileId}/archive`, {});
    await service.call(user, `/files/${fileId}/restore`, {});
    await service.call(user, `/files/${fileId}`, undefined, { method: 'DELETE' });

    const events = await eventsOf(user);
    expect(acts(events)).toEqual([
      'upload.confirm ok',
      'download.presign ok',
      'download.presign ok',
      'download.redirect ok',
      'download.presign ok',
      'file.update ok',
      'file.archive ok',
      'file.restore ok',
      'file.delete ok',
    ]);
    for (const event of events) {
      expect(event).toMatchObject({ actorId: user, userId: user, fileId, objectKey, address: null });
      expect(Object.keys(event).sort()).toEqual(
        [
          'id',
          'at',
          'actorId',
          'userId',
          'action',
          'outcome',
          'fileId',
          'objectKey',
          'address',
          'requestId',
          'sentBytes',
        ].sort(),
      );
      expect(Math.abs(Date.parse(event.at) - Date.now())).toBeLessThan(60_000);
    }
    expect(events[1]?.requestId).toBe(presigned.headers.get('x-request-id'));
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(events.length);
  });

  it('has one row for a confirmation that is repeated', async () => {
    const user = someone();
    const upload = await service.presign(user, TEXT);
    await service.put(upload, 'hello');
    await Promise.all(Array.from({ length: 10 }, () => service.confirm(user, upload.objectKey)));
    await service.confirm(user, upload.objectKey);
    expect(acts(await eventsOf(user))).toEqual(['upload.confirm ok']);
  });

  it('has a row for each refusal, with its code and the requested file', async () => {
    const user = someone();
    const other = await service.store(someone(), 'hello');
    const lying = await service.presign(user, { ...TEXT, fileName: 'a.png', contentType: 'image/png' });
    await service.put(lying, '<p>hi');
    const { fileId } = await service.store(user, 'hello');
    await service.call(user, `/files/${fileId}/archive`, {});
    const before = (await eventsOf(user)).length;

    await service.confirm(user, lying.objectKey);
    await service.confirm(user, other.objectKey);
    await service.call(user, '/presign-download', { fileId: other.fileId });
    await service.call(user, '/presign-download', { objectKey: other.objectKey });
    await redirect(user, fileId);
    await service.call(user, '/presign-download/batch', { fileIds: [fileId, other.fileId] });
    await service.call(user, `/files/${other.fileId}`, { fileName: 'mine' }, { method: 'PATCH' });
    await service.call(user, `/files/${other.fileId}/archive`, {});
    await service.call(user, `/files/${other.fileId.toUpperCase()}/restore`, {});
    await service.call(user, `/files/not-an-id`, undefined, { method: 'DELETE' });

    const refusals = (await eventsOf(user)).slice(before);
    expect(refusals.map(({ action, outcome, fileId, objectKey }) => [action, outcome, fileId, objectKey])).toEqual([
      ['upload.confirm', 'verification-failed', null, lying.objectKey],
      ['upload.confirm', 'not-your-object', null, other.objectKey],
      ['download.presign', 'file-not-found', other.fileId, null],
      ['download.presign', 'not-your-object', null, other.objectKey],
      ['download.redirect', 'conflict', fileId, null],
      ['download.presign', 'file-not-found', fileId, null],
      ['download.presign', 'file-not-found', other.fileId, null],
      ['file.update', 'file-not-found', other.fileId, null],
      ['file.archive', 'file-not-found', other.fileId, null],
      ['file.restore', 'file-not-found', other.fileId, null],
      ['file.delete', 'file-not-found', null, null],
    ]);
    // They belong to the user who asked, not to the owner of the file.
    for (const refusal of refusals) expect(refusal).toMatchObject({ userId: user, actorId: user });
  });

  it('has no download of a refused batch', async () => {
    const user = someone();
    const [first, second] = [await service.store(user, 'hello'), await service.store(user, 'hello')];
    await service.call(user, `/files/${second.fileId}/archive`, {});
    const before = (await eventsOf(user)).length;
    const fileIds = [first.fileId, second.fileId];
    expectProblem(await service.call(user, '/presign-download/batch', { fileIds }), 409, 'conflict');
    await service.call(user, `/files/${second.fileId}/restore`, {});
    expect((await service.call(user, '/presign-download/batch', { fileIds })).status).toBe(200);
    const events = (await eventsOf(user)).slice(before);
    const of = (id: string) => acts(events.filter(({ fileId }) => fileId === id));
    expect(of(first.fileId)).toEqual(['download.presign conflict', 'download.presign ok']);
    expect(of(second.fileId)).toEqual(['download.presign conflict', 'file.restore ok', 'download.presign ok']);
  });

  it('has both users if an admin acts for another user, also for refusals', async () => {
    const user = someone();
    const { fileId } = await service.store(user, 'hello');
    const headers = { ...(await admin()), 'x-on-behalf-of': user };
    await service.call('', `/files/${fileId}`, { fileName: 'b.txt' }, { method: 'PATCH', headers });
    await service.call('', '/presign-download', { fileId: NONE }, { headers });
    const [, update, refusal] = await eventsOf(user);
    expect(update).toMatchObject({ actorId: 'root', userId: user, action: 'file.update', outcome: 'ok' });
    expect(refusal).toMatchObject({ actorId: 'root', userId: user, outcome: 'file-not-found' });
  });

  it('has each act on another’s behalf, also those that only read or sign', async () => {
    const user = someone();
    const { fileId } = await service.store(user, 'hello');
    const headers = { ...(await admin()), 'x-on-behalf-of': user };
    const call = async (path: string, body?: unknown, more: RequestInit = {}) => {
      const answer = await service.call<{ objectKey: string; uploadId: string }>('', path, body, { ...more, headers });
      expect(answer.status).toBeLessThan(300);
      return answer.body;
    };
    await call('/files');
    await call(`/files/${fileId}`);
    await call('/usage');
    await call('/limits');
    await call('/audit');
    const { objectKey, uploadId } = await call('/presign-upload', { ...TEXT, method: 'MULTIPART' });
    await call('/presign-upload/batch', { files: [TEXT, TEXT] });
    await call('/list-parts', { objectKey, uploadId });
    await call('/presign-parts', { objectKey, uploadId, partNumbers: [1] });
    await call('/sign-request', { method: 'DELETE', key: objectKey, uploadId: 'abc' });
    await call('/abort-upload', { objectKey, uploadId });
    await call('/abort-upload', { objectKey });
    const upload = await service.presign(user, TEXT);
    await service.put(upload, 'hello');
    await call('/confirm-upload', { objectKey: upload.objectKey });
    await call('/confirm-upload', { objectKey: upload.objectKey });
    await call(`/files/${fileId}/archive`, {});
    await call(`/files/${fileId}/archive`, {});
    await call(`/files/${fileId}`, undefined, { method: 'DELETE' });

    // Routes that need no database do not wait for their rows.
    await expect.poll(async () => (await eventsOf(user)).length).toBe(19);
    const events = (await eventsOf(user)).slice(1);
    for (const event of events) expect(event).toMatchObject({ actorId: 'root', userId: user, outcome: 'ok' });
    const targets = events.map((event) => [event.action, event.fileId ?? event.objectKey]);
    expect(targets.sort()).toEqual(
      [
        ['file.list', null],
        ['file.get', fileId],
        ['file.usage', null],
        ['upload.limits', null],
        ['audit.list', null],
        ...[expect.any(String), expect.any(String), expect.any(String)].map((id) => ['upload.presign', id]),
        ['upload.list-parts', objectKey],
        ['upload.presign-parts', objectKey],
        ['upload.sign-request', objectKey],
        ['upload.abort', objectKey],
        ['upload.abort', objectKey],
        ['upload.confirm', upload.fileId],
        ['upload.confirm', upload.fileId],
        ['file.archive', fileId],
        ['file.archive', fileId],
        ['file.delete', fileId],
      ].sort(),
    );
  });

  it('has what an act on another’s behalf named, also if its body came in chunks', async () => {
    const user = someone();
    const { objectKey } = await service.presign(user, TEXT);
    const headers = { ...(await admin()), 'x-on-behalf-of': user, 'transfer-encoding': 'chunked' };
    const body = new Blob([JSON.stringify({ objectKey })]).stream();
    const abort = { method: 'POST', body, duplex: 'half', headers: { ...headers, 'content-type': 'application/json' } };
    expect((await service.app.request('/abort-upload', abort as RequestInit)).status).toBe(204);
    expect(await eventsOf(user)).toMatchObject([{ actorId: 'root', action: 'upload.abort', objectKey }]);
  });

  it('has each aborted upload once', async () => {
    const user = someone();
    const upload = await service.presign(user, TEXT);
    await service.put(upload, 'hello');
    for (let n = 0; n < 3; n++) await service.call(user, '/abort-upload', { objectKey: upload.objectKey });
    await service.call(user, '/abort-upload', { objectKey: 'somebody/_/_/else' });
    const { fileId, objectKey } = await service.store(user, 'hello');
    await service.call(user, '/abort-upload', { objectKey });
    const aborts = (await eventsOf(user)).filter(({ action }) => action === 'upload.abort');
    expect(aborts.map((event) => [event.outcome, event.fileId ?? event.objectKey])).toEqual([
      ['ok', upload.fileId],
      ['not-your-object', 'somebody/_/_/else'],
      ['conflict', objectKey],
    ]);
    expect(fileId).not.toBe(upload.fileId);
  });

  it('has each refusal because of a missing scope, also for acting for another user', async () => {
    const user = someone();
    const { fileId, objectKey } = await service.store(user, 'hello');
    const bearer = async (scope: string) => ({ authorization: `Bearer ${await mint(user, { scope })}` });
    const [reader, writer] = [await bearer('files:read'), await bearer('files:write')];
    const other = someone();
    for (const [path, body, init] of [
      [`/files/${fileId}`, undefined, { method: 'DELETE', headers: reader }],
      [`/files/${fileId}/download`, undefined, { headers: writer }],
      ['/presign-download', { fileId }, { headers: writer }],
      ['/confirm-upload', { objectKey }, { headers: reader }],
      ['/presign-download', '{"fileId', { headers: writer }],
      [`/files/${fileId}`, undefined, { headers: { ...reader, 'x-on-behalf-of': other } }],
    ] as const) {
      expectProblem(await service.call('', path, body, init), 403, 'forbidden');
    }
    const refusals = (await eventsOf(user)).slice(1);
    expect(refusals.map((event) => [event.action, event.outcome, event.fileId ?? event.objectKey])).toEqual([
      ['file.delete', 'forbidden', fileId],
      ['download.redirect', 'forbidden', fileId],
      ['download.presign', 'forbidden', fileId],
      ['upload.confirm', 'forbidden', objectKey],
      ['download.presign', 'forbidden', null],
    ]);
    expect(await eventsOf(other)).toMatchObject([{ actorId: user, action: 'file.get', outcome: 'forbidden', fileId }]);
  });

  it('has the request id that the caller sent', async () => {
    const user = someone();
    const headers = { 'x-request-id': 'trace-1' };
    await service.call(user, '/presign-download', { fileId: NONE }, { headers });
    expect((await eventsOf(user))[0]?.requestId).toBe('trace-1');
  });

  it('contains no secret', async () => {
    const user = someone();
    const { fileId, objectKey } = await service.store(user, 'hello');
    const token = await mint(user);
    const { body } = await service.call<{ presignedUrl: string }>(user, '/presign-download', { fileId });
    await service.app.request(`/files/${fileId}/download`, { headers: { authorization: `Bearer ${token}` } });
    await service.call(user, '/presign-download', { objectKey: `${objectKey}?X-Amz-Signature=abc\u0000` });
    const rows = JSON.stringify(await service.database.query('select * from audit_events where user_id = $1', [user]));
    expect(rows).toContain(objectKey);
    const signature = new URL(body.presignedUrl).searchParams.get('X-Amz-Signature') ?? 'none';
    for (const secret of [token, signature, 'Bearer', 'http']) expect(rows).not.toContain(secret);
  });
});
