import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Caller, Problem, type Signpost, type SignpostOptions } from '../../src/index.ts';
import { put, request, SMALL_TEXT, startLibrary, type TestLibrary } from './start-library.ts';

let library: TestLibrary;
beforeAll(async () => {
  library = await startLibrary();
});
afterAll(() => library.close());

const NONE = '0198c0de-0000-7000-8000-000000000001';

/** The calls that both ways have; each answers its outcome: `ok`, or the code of the problem. */
type Way = {
  presignUpload(caller: Caller, body: Parameters<Signpost['presignUpload']>[1]): Promise<string>;
  confirmUpload(caller: Caller, objectKey: string): Promise<string>;
  presignDownload(caller: Caller, fileId: string): Promise<string>;
  limits(caller: Caller): Promise<string>;
  find(caller: Caller, fileId: string): Promise<string>;
  list(caller: Caller): Promise<string>;
  change(caller: Caller, fileId: string, fileName: string): Promise<string>;
  archive(caller: Caller, fileId: string): Promise<string>;
  restore(caller: Caller, fileId: string): Promise<string>;
  remove(caller: Caller, fileId: string): Promise<string>;
  usage(caller: Caller): Promise<string>;
};

function byCalls({ presignUpload, confirmUpload, presignDownload, limits, files }: Signpost): Way {
  const outcome = (call: Promise<unknown>) =>
    call.then(
      () => 'ok',
      (error: unknown) => {
        if (error instanceof Problem) return error.code;
        throw error;
      },
    );
  return {
    presignUpload: (...args) => outcome(presignUpload(...args)),
    confirmUpload: (caller, objectKey) => outcome(confirmUpload(caller, { objectKey })),
    presignDownload: (caller, fileId) => outcome(presignDownload(caller, { fileId })),
    limits: (caller) => outcome(limits(caller)),
    find: (caller, fileId) => outcome(files.find(caller, fileId)),
    list: (caller) => outcome(files.list(caller)),
    change: (caller, fileId, fileName) => outcome(files.change(caller, fileId, { fileName })),
    archive: (caller, fileId) => outcome(files.archive(caller, fileId)),
    restore: (caller, fileId) => outcome(files.restore(caller, fileId)),
    remove: (caller, fileId) => outcome(files.remove(caller, fileId)),
    usage: (caller) => outcome(files.usage(caller)),
  };
}

function byHttp({ fetch }: Signpost): Way {
  const send = async (caller: Caller, path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') => {
    const headers = { 'x-caller': JSON.stringify(caller), 'content-type': 'application/json' };
    const answer = await fetch(request(path, { method, headers, body: JSON.stringify(body) ?? null }));
    return answer.ok ? 'ok' : ((await answer.json()) as { code: string }).code;
  };
  return {
    presignUpload: (caller, body) => send(caller, '/presign-upload', body),
    confirmUpload: (caller, objectKey) => send(caller, '/confirm-upload', { objectKey }),
    presignDownload: (caller, fileId) => send(caller, '/presign-download', { fileId }),
    limits: (caller) => send(caller, '/limits'),
    find: (caller, fileId) => send(caller, `/files/${fileId}`),
    list: (caller) => send(caller, '/files'),
    change: (caller, fileId, fileName) => send(caller, `/files/${fileId}`, { fileName }, 'PATCH'),
    archive: (caller, fileId) => send(caller, `/files/${fileId}/archive`, {}),
    restore: (caller, fileId) => send(caller, `/files/${fileId}/restore`, {}),
    remove: (caller, fileId) => send(caller, `/files/${fileId}`, undefined, 'DELETE'),
    usage: (caller) => send(caller, '/usage'),
  };
}

const asCaller: SignpostOptions['authorize'] = ({ headers }) => JSON.parse(headers.get('x-caller') ?? 'null');

/** Everything that a user and a user without rights can try, with what came of each. */
async function tryAll(signpost: Signpost, way: Way, userId: string): Promise<string[]> {
  const [user, reader, other] = [{ userId }, { userId, scopes: ['files:read'] as const }, { userId: `${userId}-2` }];
  const writer = { userId, scopes: ['files:write'] as const };
  const guest = { userId, limits: { recordId: 'case-1', uploadsUntil: '2020-01-01T00:00:00Z' } };
  const [first, second] = await Promise.all([
    signpost.presignUpload(user, SMALL_TEXT),
    signpost.presignUpload(user, SMALL_TEXT),
  ]);
  await put(first);
  await put(second);
  const { fileId, objectKey } = first;
  const outcomes: string[] = [];
  for (const attempt of [
    () => way.presignUpload(user, SMALL_TEXT),
    () => way.presignUpload(user, { ...SMALL_TEXT, size: 10 ** 15 }),
    () => way.presignUpload(reader, SMALL_TEXT),
    () => way.presignUpload(guest, { ...SMALL_TEXT, recordId: 'case-1' }),
    () => way.confirmUpload(reader, objectKey),
    () => way.confirmUpload(other, objectKey),
    () => way.confirmUpload(user, `${objectKey}x`),
    () => way.confirmUpload(user, objectKey),
    () => way.confirmUpload(user, objectKey),
    () => way.confirmUpload({ userId, limits: { quotaBytes: 5 } }, second.objectKey),
    () => way.presignDownload(user, fileId),
    () => way.presignDownload(user, NONE),
    () => way.presignDownload(writer, fileId),
    () => way.limits(user),
    () => way.find(user, fileId),
    () => way.find(other, fileId),
    () => way.find(writer, fileId),
    () => way.list(user),
    () => way.list(writer),
    () => way.usage(user),
    () => way.usage(writer),
    () => way.change(user, fileId, 'b.txt'),
    () => way.change(user, NONE, 'b.txt'),
    () => way.change(reader, fileId, 'b.txt'),
    () => way.change(guest, fileId, 'b.txt'),
    () => way.archive(user, fileId),
    () => way.archive(guest, fileId),
    () => way.presignDownload(user, fileId),
    () => way.restore(user, fileId),
    () => way.remove(reader, fileId),
    () => way.remove(guest, fileId),
    () => way.remove(user, fileId),
    () => way.remove(user, fileId),
    () => way.restore(user, fileId),
  ]) {
    outcomes.push(await attempt());
  }
  return outcomes;
}

/** A user's rows, with names in place of ids. */
async function rowsOf(userId: string): Promise<string[]> {
  const rows = await library.database.query(
    `select action, outcome, replace(actor_id, $1, 'user') as actor, replace(user_id, $1, 'user') as owner,
       file_id is not null as has_file, object_key is not null as has_key, address
     from audit_events where starts_with(user_id, $1)`,
    [userId],
  );
  // What was signed is logged after the answer.
  return rows.map((row) => Object.values(row).join(' ')).sort();
}

it('the calls have the outcomes of the routes, and the same rows in the audit log', async () => {
  const signpost = library.open({ authorize: asCaller, settings: { AUDIT_PRESIGN: true } });
  const called = await tryAll(signpost, byCalls(signpost), 'by-calls');
  const requested = await tryAll(signpost, byHttp(signpost), 'by-http');
  expect(called).toEqual(requested);
  const codes = ['conflict', 'file-not-found', 'file-too-large', 'forbidden', 'not-your-object', 'object-not-found'];
  expect([...new Set(called)].sort()).toEqual([...codes, 'ok', 'quota-exceeded']);
  await signpost.settled();
  expect(await rowsOf('by-calls')).toEqual(await rowsOf('by-http'));
});
