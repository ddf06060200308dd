import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

type Event = Record<'id' | 'at' | 'actorId' | 'userId' | 'action' | 'outcome' | 'requestId', string> &
  Record<'fileId' | 'objectKey' | 'address', string | null> & { sentBytes: number | null };
type Page = { events: Event[]; nextCursor: string | null };

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const NONE = '0198c0de-0000-7000-8000-000000000001';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const someone = () => `user-${randomUUID()}`;
/** A user's events, oldest first. */
const eventsOf = async (user: string, on = service): Promise<Event[]> =>
  (await on.call<Page>(user, '/audit?limit=1000')).body.events.toReversed();
const acts = (events: readonly Event[]) => events.map(({ action, outcome }) => `${action} ${outcome}`);
const admin = async () => ({ authorization: `Bearer ${await mint('root', { scope: 'files:admin' })}` });
const redirect = async (user: string, fileId: string) =>
  service.app.request(`/files/${fileId}/download`, { headers: { authorization: `Bearer ${await mint(user)}` } });

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
    await call(`/files/${fileId}`, undefined, { method: 'DELETE' });

    // Routes that need no database do not wait for their rows.
    await expect.poll(async () => (await eventsOf(user)).length).toBe(17);
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
        ['file.delete', fileId],
      ].sort(),
    );
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

const addressOf = async (on: TestService, forwarded: string | undefined): Promise<string | null | undefined> => {
  const user = someone();
  const headers = {
    authorization: `Bearer ${await mint(user)}`,
    ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }),
  };
  const incoming = { socket: { remoteAddress: '203.0.113.9' } };
  await on.app.request(`/files/${NONE}`, { method: 'DELETE', headers }, { incoming });
  return (await eventsOf(user, on))[0]?.address;
};

describe('the address in the audit log', () => {
  it('is the connection’s, and not that of X-Forwarded-For', async () => {
    expect(await addressOf(service, undefined)).toBe('203.0.113.9');
    expect(await addressOf(service, '198.51.100.1')).toBe('203.0.113.9');
  });

  it.each([
    ['1', '198.51.100.1', '198.51.100.1'],
    ['1', '192.0.2.66, 198.51.100.1', '198.51.100.1'],
    ['1', '192.0.2.66,2001:db8::1', '2001:db8::1'],
    ['2', '192.0.2.66, 198.51.100.1, 10.0.0.1', '198.51.100.1'],
    ['2', '10.0.0.1', null],
    ['1', undefined, null],
    ['1', '', null],
    ['1', "192.0.2.1'); drop table files; --", null],
    ['1', '198.51.100.1, unknown', null],
  ])('with TRUSTED_PROXIES=%s and X-Forwarded-For "%s" is %s', async (trusted, forwarded, expected) => {
    const behind = await startTestService({ env: { TRUSTED_PROXIES: trusted } });
    try {
      expect(await addressOf(behind, forwarded)).toBe(expected);
    } finally {
      await behind.close();
    }
  });
});

describe('the address in the audit log, as proxies write it', () => {
  let behind: TestService;
  beforeAll(async () => {
    behind = await startTestService({ env: { TRUSTED_PROXIES: '1' } });
  });
  afterAll(() => behind.close());

  it.each([
    ['203.0.113.7:51234', '203.0.113.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['"203.0.113.7"', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['192.0.2.66:1, 198.51.100.1:2', '198.51.100.1'],
    ['203.0.113.7:', null],
    ['203.0.113.7:99999999', null],
    ['[203.0.113.7', null],
    ['example.com:80', null],
    ['"', null],
  ])('%s is %s', async (forwarded, expected) => {
    expect(await addressOf(behind, forwarded)).toBe(expected);
  });

  it('is IPv4 for an IPv4 connection to a dual-stack socket', async () => {
    const incoming = { socket: { remoteAddress: '::ffff:203.0.113.9' } };
    const user = someone();
    const headers = { authorization: `Bearer ${await mint(user)}` };
    await service.app.request(`/files/${NONE}`, { method: 'DELETE', headers }, { incoming });
    expect((await eventsOf(user))[0]?.address).toBe('203.0.113.9');
  });
});

describe('GET /audit', () => {
  it('returns pages, newest first, that miss and repeat nothing', async () => {
    const user = someone();
    for (let n = 0; n < 7; n++) await service.call(user, `/files/${NONE}`, undefined, { method: 'DELETE' });
    const all = (await eventsOf(user)).toReversed();
    expect(all).toHaveLength(7);
    const walked: Event[] = [];
    let cursor: string | null = null;
    do {
      const { body }: { body: Page } = await service.call(
        user,
        `/audit?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      expect(body.events.length).toBeLessThanOrEqual(3);
      walked.push(...body.events);
      cursor = body.nextCursor;
      // New events do not shift the pages.
      await service.call(user, `/files/${NONE}`, undefined, { method: 'DELETE' });
    } while (cursor !== null);
    expect(walked).toEqual(all);
    expect((await service.call(someone(), '/audit')).body).toEqual({ events: [], nextCursor: null });
  });

  it('shows a user only their own events, and an admin those of all users or of one', async () => {
    const [alice, bob] = [someone(), someone()];
    await service.store(alice, 'hello');
    await service.store(bob, 'hello');
    expect(new Set((await eventsOf(alice)).map(({ userId }) => userId))).toEqual(new Set([alice]));
    const headers = await admin();
    const all = await service.call<Page>('', '/audit?limit=2', undefined, { headers });
    expect(all.body.events.map(({ userId }) => userId)).toEqual([bob, alice]);
    const older = await service.call<Page>('', `/audit?limit=1&cursor=${all.body.events[0]?.id}`, undefined, {
      headers,
    });
    expect(older.body.events[0]?.userId).toBe(alice);
    const forAlice = { ...headers, 'x-on-behalf-of': alice };
    const own = await service.call<Page>('', '/audit', undefined, { headers: forAlice });
    expect(own.body.events.map(({ userId }) => userId)).toEqual([alice]);
  });

  it('needs files:read', async () => {
    const headers = { authorization: `Bearer ${await mint('alice', { scope: 'files:write' })}` };
    expectProblem(await service.call('', '/audit', undefined, { headers }), 403, 'forbidden');
  });

  it.each(['limit=0', 'limit=1001', 'cursor=0', 'cursor=-1', 'cursor=x', 'cursor=9999999999999999', 'user=bob'])(
    'refuses ?%s',
    async (query) => {
      expectProblem(await service.call('alice', `/audit?${query}`), 400, 'invalid-request');
    },
  );
});

describe('AUDIT_PRESIGN', () => {
  it('is off by default', async () => {
    const user = someone();
    await service.presign(user, TEXT);
    expect(await eventsOf(user)).toEqual([]);
  });

  it('adds a row for each presigned upload, and keeps signing while the database is down', async () => {
    const database = await createTestDatabase();
    const relay = await startRelay(database.url);
    const auditing = await startTestService({ env: { AUDIT_PRESIGN: 'true', DATABASE_URL: relay.url } });
    try {
      const { fileId, objectKey } = await auditing.presign('alice', TEXT);
      const batch = { files: [TEXT, { ...TEXT, method: 'POST' }] };
      expect((await auditing.call('alice', '/presign-upload/batch', batch)).status).toBe(200);
      // Signing does not wait for these rows.
      await expect.poll(() => eventsOf('alice', auditing)).toHaveLength(3);
      const presigned = { action: 'upload.presign', outcome: 'ok', fileId, objectKey };
      expect(await eventsOf('alice', auditing)).toContainEqual(expect.objectContaining(presigned));

      await relay.goAway();
      await auditing.presign('alice', TEXT);
      const missing = () => auditing.logs.filter(({ message }) => message.includes('is missing from the audit log'));
      await expect.poll(() => missing().length).toBe(1);
      await relay.comeBack();
      expect(await eventsOf('alice', auditing)).toHaveLength(3);
    } finally {
      await auditing.close();
      await relay.goAway();
      await database.drop();
    }
  });
});

describe('a log that cannot be written', () => {
  it('does not delay refusals that need no database', async () => {
    const database = await createTestDatabase();
    const relay = await startRelay(database.url);
    const own = await startTestService({ env: { DATABASE_URL: relay.url } });
    try {
      relay.setSilent(true);
      const waiting = own.call('alice', '/files');
      const refused = own.confirm('alice', 'bob/_/_/01a21a4c-b40f-7354-86c6-c1ffafe17477/a.txt');
      const first = await Promise.race([refused, waiting]);
      expectProblem(first, 403, 'not-your-object');
      await waiting;
    } finally {
      await relay.goAway();
      await own.close();
      await database.drop();
    }
  });

  it('prevents reading on another’s behalf', async () => {
    const own = await startTestService();
    try {
      await own.database.query('revoke insert on audit_events from signpost_app');
      const headers = { ...(await admin()), 'x-on-behalf-of': 'alice' };
      expect((await own.call('', '/files', undefined, { headers })).status).toBeGreaterThanOrEqual(500);
      expect((await own.call('alice', '/files')).status).toBe(200);
    } finally {
      await own.close();
    }
  });

  it('prevents changes, and leaves refusals as they are', async () => {
    const own = await startTestService();
    try {
      const { fileId } = await own.store('alice', 'hello');
      const waiting = await own.presign('alice', TEXT);
      await own.put(waiting, 'hello');
      await own.database.query('revoke insert on audit_events from signpost_app');
      const rows = () => own.database.query('select * from files order by id');
      const before = await rows();
      for (const answer of [
        await own.confirm('alice', waiting.objectKey),
        await own.call('alice', `/files/${fileId}`, { fileName: 'b.txt' }, { method: 'PATCH' }),
        await own.call('alice', `/files/${fileId}`, undefined, { method: 'DELETE' }),
        await own.call('alice', '/presign-download', { fileId }),
      ]) {
        expectProblem(answer, 500, 'internal-error');
      }
      expect(await rows()).toEqual(before);
      expectProblem(await own.confirm('bob', waiting.objectKey), 403, 'not-your-object');
      expect(own.logs.some(({ message }) => message.includes('is missing from the audit log'))).toBe(true);

      await own.database.query('grant insert on audit_events to signpost_app');
      expect((await own.confirm('alice', waiting.objectKey)).status).toBe(201);
    } finally {
      await own.close();
    }
  });
});
