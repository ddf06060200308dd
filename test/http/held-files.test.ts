import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

type File = Record<string, unknown> & { fileId: string; objectKey: string; status: string };

let service: TestService;
beforeAll(async () => {
  const env = {
    HOLD_UPLOADS: 'true',
    PROXY_DOWNLOADS: 'true',
    EVENTS_SECRET: 'e'.repeat(32),
    UPLOAD_POLICIES: '{"avatar":{"hold":false},"scan":{"hold":true}}',
  };
  service = await startTestService({ env });
});
afterAll(() => service.close());

/** A call of somebody with these scopes, for `owner`'s files. */
const as = async (scope: string, owner: string, path: string, body?: unknown, method?: string) =>
  service.call<File>('virus-scanner', path, body, {
    headers: { authorization: `Bearer ${await mint('virus-scanner', { scope })}`, 'x-on-behalf-of': owner },
    ...(method !== undefined && { method }),
  });
const judge = (owner: string, fileId: string, verdict: Record<string, unknown>) =>
  as('files:judge', owner, `/files/${fileId}/verdict`, verdict);
const CLEAN = { verdict: 'clean' };
const REJECTED = { verdict: 'rejected', reason: 'Eicar-Test-Signature', by: 'clamav' };

const downloads = (user: string, { fileId, objectKey }: File, withContent = true) => [
  service.call(user, '/presign-download', { fileId }),
  service.call(user, '/presign-download', { objectKey }),
  service.call(user, `/files/${fileId}/download`),
  ...(withContent ? [service.call(user, `/files/${fileId}/content`)] : []),
];

describe('a held file', () => {
  it('is listed with its state and counts for the quota, but no route gives its bytes', async () => {
    const file: File = { status: '', ...(await service.store('alice', 'hello')) };
    expect(file).not.toHaveProperty('rejection');
    expect(file).toMatchObject({ status: 'held', publicFileUrl: null });
    const { body } = await service.call<{ files: File[] }>('alice', '/files?status=held');
    expect(body.files.map(({ fileId }) => fileId)).toEqual([file.fileId]);
    expect((await service.call<{ files: File[] }>('alice', '/files')).body.files).toEqual([]);
    expect((await service.call('alice', '/usage')).body).toMatchObject({ bytes: 5, files: 1 });
    expect((await service.call('alice', '/files?status=held&q=a.t')).body.files).toHaveLength(1);
    for (const answer of await Promise.all(downloads('alice', file))) expectProblem(answer, 409, 'conflict');
    const batch = await service.call('alice', '/presign-download/batch', { fileIds: [file.fileId] });
    expectProblem(batch, 409, 'conflict');
    expect(batch.body.errors).toEqual([{ path: 'fileIds.0', message: 'is held' }]);
    for (const step of ['archive', 'restore']) {
      expectProblem(await service.call('alice', `/files/${file.fileId}/${step}`, {}), 409, 'conflict');
    }
    expect((await service.confirm('alice', file.objectKey)).body.status).toBe('held');
  });

  it('is the default for every way to confirm, except where a policy says otherwise', async () => {
    expect((await service.store('ann', 'hello', { documentType: 'avatar' })).status).toBe('active');
    expect((await service.store('ann', 'hello', { documentType: 'other' })).status).toBe('held');
    const upload = await service.presign('ann', { fileName: 'a.txt', contentType: 'text/plain', size: 2 });
    expect((await service.put(upload, 'hi')).status).toBe(200);
    const s3 = { s3SchemaVersion: '1.0', bucket: { name: service.bucket.name }, object: { key: upload.objectKey } };
    const event = { Records: [{ eventVersion: '2.2', eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 }] };
    const headers = { authorization: `Bearer ${'e'.repeat(32)}` };
    await service.call('ann', '/events/s3', event, { headers });
    expect((await service.call('ann', `/files/${upload.fileId}`)).body.status).toBe('held');
  });

  it('cannot be replaced by a file that gets the type of judged ones later', async () => {
    const { fileId } = await service.store('ada', 'hello', { documentType: 'avatar' });
    for (const documentType of ['scan', 'other', null]) {
      const answer = await service.call('ada', `/files/${fileId}`, { documentType }, { method: 'PATCH' });
      expectProblem(answer, 409, 'conflict');
    }
    const renamed = await service.call('ada', `/files/${fileId}`, { fileName: 'b.txt' }, { method: 'PATCH' });
    expect(renamed.body).toMatchObject({ fileName: 'b.txt', documentType: 'avatar' });
  });

  it('stays held if its type changes to one that is not held', async () => {
    const { fileId } = await service.store('amy', 'hello');
    const changed = await service.call('amy', `/files/${fileId}`, { documentType: 'avatar' }, { method: 'PATCH' });
    expect(changed.body).toMatchObject({ status: 'held', documentType: 'avatar' });
    const retype = async (documentType: string) =>
      (await service.call('amy', `/files/${fileId}`, { documentType }, { method: 'PATCH' })).body;
    expect(await retype('scan')).toMatchObject({ status: 'held', documentType: 'scan' });
    await retype('avatar');
    expect((await judge('amy', fileId, CLEAN)).status).toBe(200);
    // It was judged, so it may have the type of judged ones.
    expect(await retype('scan')).toMatchObject({ status: 'active', documentType: 'scan' });
  });

  it('can be deleted by its owner, and is then nothing to judge', async () => {
    const { fileId, objectKey } = await service.store('abe', 'hello');
    expect((await service.call('abe', `/files/${fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    expect(await service.bucket.read(objectKey)).toBeNull();
    expectProblem(await judge('abe', fileId, CLEAN), 404, 'file-not-found');
  });
});

describe('POST /files/{fileId}/verdict', () => {
  it('makes a clean file active, and may be repeated', async () => {
    const file: File = { status: '', ...(await service.store('bob', 'hello')) };
    for (const by of ['first', 'second']) {
      const answer = await judge('bob', file.fileId, { ...CLEAN, by });
      expect(answer).toMatchObject({ status: 200, body: { ...file, status: 'active' } });
    }
    const { body } = await service.call<{ events: unknown[] }>('bob', '/audit?action=file.clean');
    expect(body.events).toMatchObject(Array(2).fill({ actorId: 'virus-scanner', fileId: file.fileId }));
    for (const answer of await Promise.all(downloads('bob', file, false))) expect(answer.status).toBeLessThan(303);
    expectProblem(await judge('bob', file.fileId, REJECTED), 409, 'conflict');
    expect((await as('files:judge', 'bob', `/files/${file.fileId}/verdict`)).body).toMatchObject({
      verdict: { verdict: 'clean', by: 'first' },
      presignedUrl: null,
    });
  });

  it('removes a rejected file’s object, keeps the reason, and gives the same answer however often it is asked', async () => {
    const file: File = { status: '', ...(await service.store('carl', 'a virus')) };
    const rejected = { status: 'rejected', rejection: REJECTED.reason };
    for (const reason of [REJECTED.reason, 'another']) {
      expect((await judge('carl', file.fileId, { ...REJECTED, reason })).body).toMatchObject(rejected);
    }
    expect(await service.bucket.read(file.objectKey)).toBeNull();
    expectProblem(await judge('carl', file.fileId, CLEAN), 409, 'conflict');
    expect((await service.call('carl', `/files/${file.fileId}`)).body).toMatchObject(rejected);
    expect((await service.call('carl', '/files?status=rejected')).body.files).toMatchObject([rejected]);
    expect((await service.call('carl', '/usage')).body).toMatchObject({ bytes: 0, files: 0 });
    const detail = `the file was rejected: ${REJECTED.reason}`;
    for (const answer of await Promise.all([...downloads('carl', file), ...downloads('carl', file)])) {
      expectProblem(answer, 422, 'file-rejected');
      expect(answer.body.detail).toBe(detail);
    }
    // Even if somebody with access to the bucket sends it again: that object goes as well.
    await service.bucket.write(file.objectKey, 'a virus');
    for (let i = 0; i < 2; i++) {
      const confirmed = await service.confirm('carl', file.objectKey);
      expectProblem(confirmed, 422, 'file-rejected');
      expect(confirmed.body.detail).toBe(detail);
    }
    expect(await service.bucket.read(file.objectKey)).toBeNull();
    const remove = () => service.call('carl', `/files/${file.fileId}`, undefined, { method: 'DELETE' });
    expect((await remove()).status).toBe(204);
    expectProblem(await remove(), 404, 'file-not-found');
  });

  it('rejects a file whose object the bucket does not remove now', async () => {
    const file: File = { status: '', ...(await service.store('dora', 'a virus')) };
    const { bucket } = service.services;
    const { remove } = bucket;
    bucket.remove = () => Promise.reject(new Error('the bucket is away'));
    expect((await judge('dora', file.fileId, REJECTED)).body).toMatchObject({ status: 'rejected' });
    bucket.remove = remove;
    expect(await service.bucket.read(file.objectKey)).not.toBeNull();
    const said = "a rejected file's object is left to the sweeper";
    expect(service.logs.map(({ message }) => message)).toContain(said);
  });

  it('removes the copy that a form’s upload became', async () => {
    const form = { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'POST' };
    const { body: upload } = await service.call<{ presignedUrl: string; fields: Record<string, string> } & File>(
      ...(['dan', '/presign-upload', form] as const),
    );
    const data = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) data.append(name, value);
    data.append('file', new Blob(['hello']));
    expect((await fetch(upload.presignedUrl, { method: 'POST', body: data })).status).toBeLessThan(300);
    expect((await service.confirm('dan', upload.objectKey)).body.status).toBe('held');
    const { body: asked } = await as('files:judge', 'dan', `/files/${upload.fileId}/verdict`);
    expect(await (await fetch(String(asked.presignedUrl))).text()).toBe('hello');
    expect((await judge('dan', upload.fileId, REJECTED)).body.status).toBe('rejected');
    expect((await fetch(String(asked.presignedUrl))).status).toBe(404);
  });

  it('decides once for any number of judges', async () => {
    const { fileId } = await service.store('eve', 'hello');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => judge('eve', fileId, i % 2 === 0 ? CLEAN : REJECTED)),
    );
    const states = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body.status));
    expect(states.size).toBe(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(4);
  });

  it.each([
    ['an unknown verdict', { verdict: 'fine' }],
    ['a rejection without a reason', { verdict: 'rejected' }],
    ['an empty reason', { verdict: 'rejected', reason: '' }],
    ['a reason with a line break', { verdict: 'rejected', reason: 'a\nb' }],
    ['an unknown field', { verdict: 'clean', status: 'active' }],
  ])('answers 400 to %s', async (_name, body) => {
    const { fileId } = await service.store('fay', 'hello');
    expectProblem(await judge('fay', fileId, body), 400, 'invalid-request');
    expect((await service.call('fay', `/files/${fileId}`)).body.status).toBe('held');
  });

  it('answers 409 for a file that was never held, and 404 for none', async () => {
    const { fileId } = await service.store('gus', 'hello', { documentType: 'avatar' });
    for (const verdict of [CLEAN, REJECTED]) expectProblem(await judge('gus', fileId, verdict), 409, 'conflict');
    expectProblem(await as('files:judge', 'gus', `/files/${fileId}/verdict`), 404, 'file-not-found');
    expectProblem(await judge('hal', fileId, CLEAN), 404, 'file-not-found');
    expectProblem(await judge('gus', 'nonsense', CLEAN), 404, 'file-not-found');
  });
});

describe('GET /held-files', () => {
  type Page = { files: { ownerId: string; fileId: string }[]; nextCursor: string | null };
  const list = async (query: string, scope = 'files:judge', more: Record<string, string> = {}) =>
    service.call<Page & Record<string, unknown>>('virus-scanner', `/held-files?${query}`, undefined, {
      headers: { authorization: `Bearer ${await mint('virus-scanner', { scope })}`, ...more },
    });

  it('lists the held files of all users, oldest first, in pages, and nothing else', async () => {
    const stored: string[] = [];
    for (const user of ['lea', 'max', 'lea']) stored.push((await service.store(user, 'hello')).fileId);
    await service.store('lea', 'hello', { documentType: 'avatar' });
    const judged = await service.store('max', 'hello');
    await judge('max', judged.fileId, CLEAN);
    const seen: Page['files'] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: Page } = await list(`limit=2${cursor && `&cursor=${cursor}`}`);
      expect(body.files.length).toBeLessThanOrEqual(2);
      seen.push(...body.files);
      cursor = body.nextCursor;
    }
    const ours = seen.filter(({ ownerId }) => ownerId === 'lea' || ownerId === 'max');
    expect(ours.map(({ fileId }) => fileId)).toEqual(stored);
    expect(ours.map(({ ownerId }) => ownerId)).toEqual(['lea', 'max', 'lea']);
    expect(new Set(seen.map(({ fileId }) => fileId)).size).toBe(seen.length);
    const leas = await list('ownerId=lea');
    expect(leas.body.files.map(({ fileId }) => fileId)).toEqual([stored[0], stored[2]]);
    expect((await list('', 'files:judge', { 'x-on-behalf-of': 'max' })).body.files).toHaveLength(1);
  });

  it('needs the scope, and is in the audit log', async () => {
    for (const scope of ['files:read files:write', 'files:credentials']) {
      expectProblem(await list('', scope), 403, 'forbidden');
    }
    expectProblem(await list('ownerId=%00'), 400, 'invalid-request');
    expectProblem(await list('limit=0'), 400, 'invalid-request');
    for (const cursor of ['x', 'bnVsbA', Buffer.from('[1,"x","y"]').toString('base64url')]) {
      expectProblem(await list(`cursor=${cursor}`), 400, 'invalid-request');
    }
    await list('');
    const { body } = await service.call<{ events: Record<string, unknown>[] }>('virus-scanner', '/audit?limit=200');
    const listed = body.events.filter(({ action }) => action === 'file.list-held');
    expect(new Set(listed.map(({ outcome }) => outcome))).toEqual(new Set(['ok', 'forbidden']));
  });

  it('shows a ticket for a record only this record', async () => {
    await service.store('nat', 'hello', { recordId: 'case-1' });
    await service.store('nat', 'hello', { recordId: 'case-2' });
    const claims = { scope: 'files:judge', signpost: { recordId: 'case-1' } };
    const headers = { authorization: `Bearer ${await mint('guest', claims)}` };
    const { body } = await service.call<Page>('guest', '/held-files?limit=1000', undefined, { headers });
    expect(body.files.map((file) => (file as { recordId?: string }).recordId)).toEqual(['case-1']);
  });
});

describe('the scope files:judge', () => {
  it('judges, and nothing else', async () => {
    const { fileId, objectKey } = await service.store('ivy', 'hello');
    for (const [path, body, method] of [
      [`/files/${fileId}`, undefined, 'GET'],
      ['/files?status=held', undefined, 'GET'],
      ['/presign-download', { fileId }, 'POST'],
      [`/files/${fileId}/content`, undefined, 'GET'],
      ['/confirm-upload', { objectKey }, 'POST'],
      [`/files/${fileId}`, undefined, 'DELETE'],
      ['/usage', undefined, 'GET'],
      ['/audit', undefined, 'GET'],
    ] as const) {
      expectProblem(await as('files:judge', 'ivy', path, body, method), 403, 'forbidden');
    }
  });

  it.each(['files:read files:write', ''])('cannot be replaced by %j, not even for one’s own file', async (scope) => {
    const { fileId } = await service.store('jim', 'hello');
    const headers = { authorization: `Bearer ${await mint('jim', scope === '' ? {} : { scope })}` };
    for (const body of [CLEAN, undefined]) {
      const answer = await service.call('jim', `/files/${fileId}/verdict`, body, { headers });
      expectProblem(answer, 403, 'forbidden');
    }
    expect((await service.call('jim', `/files/${fileId}`)).body.status).toBe('held');
  });

  it('leaves who judged what in the audit log, under both names', async () => {
    const { fileId } = await service.store('kim', 'hello');
    await as('files:judge', 'kim', `/files/${fileId}/verdict`);
    await judge('kim', fileId, CLEAN);
    await judge('kim', fileId, REJECTED);
    await as('files:read', 'kim', `/files/${fileId}/verdict`, CLEAN);
    const { body } = await service.call<{ events: Record<string, unknown>[] }>('kim', '/audit');
    const judged = body.events.filter(({ actorId }) => actorId === 'virus-scanner');
    expect(judged.map(({ action, outcome, userId, fileId: of }) => [action, outcome, userId, of])).toEqual([
      ['file.judge', 'forbidden', 'kim', fileId],
      ['file.judge', 'conflict', 'kim', fileId],
      ['file.clean', 'ok', 'kim', fileId],
      ['download.judge', 'ok', 'kim', fileId],
    ]);
  });
});
