import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createFileQueries, type FileQueries, type NewFile } from '../../src/db/create-file-queries.ts';
import { createWebhookQueries, type WebhookMessage, type WebhookQueries } from '../../src/db/create-webhook-queries.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { newFile } from '../helpers/new-file.ts';

const ACT = { actorId: 'alice', address: null, requestId: 'r1' } as const;
const CONFIRM = { ...ACT, action: 'upload.confirm' } as const;

describe.each(['pg', 'neon'] as const)("the queries on webhooks' messages, with the driver %s", (driver) => {
  let test: TestDatabase;
  let proxy: { stop(): Promise<void> };
  let database: Database;
  let queries: WebhookQueries;
  let files: FileQueries;
  let queued = 0;

  beforeAll(async () => {
    proxy = await startNeonProxy();
    test = await createTestDatabase();
    database = await connectDatabase({ url: test.url, driver });
    queries = createWebhookQueries(database);
    files = createFileQueries(database, { bytes: null, files: null }, () => void queued++);
  });
  afterEach(async () => {
    queued = 0;
    await test.query('delete from webhook_messages');
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
    await proxy.stop();
  });

  const archive = (file: NewFile) =>
    files.change(file, ['active'], { status: 'archived' }, { ...ACT, action: 'file.archive' });
  const restore = (file: NewFile) =>
    files.change(file, ['archived'], { status: 'active' }, { ...ACT, action: 'file.restore' });
  const typesOf = (messages: readonly WebhookMessage[]) => messages.map(({ type }) => type);

  it('are added by the change, with the row as it is after it', async () => {
    const file = newFile({ sizeBytes: 5 * 1024 ** 4, recordId: 'case-42', metadata: { title: 'Łódź {"x":1}' } });
    const row = await files.insert(file, CONFIRM);
    expect(queued).toBe(1);
    const [message, ...others] = await queries.claim(10);
    expect(others).toEqual([]);
    expect(message).toMatchObject({ type: 'file.confirmed', ownerId: file.ownerId, fileId: file.id, failures: 0 });
    expect(message?.file).toEqual(row);
    expect(message?.at).toBeInstanceOf(Date);
  });

  it('are not added with a change that did not happen, nor by queries without a receiver', async () => {
    const file = newFile();
    await files.insert(file, CONFIRM);
    expect(await files.insert(file, CONFIRM)).toBeNull();
    expect(await files.refuse(file, { code: 'verification-failed', detail: 'x' }, null)).toBeNull();
    expect(await restore(file)).toBeNull();
    const silent = createFileQueries(database, { bytes: null, files: null });
    await silent.insert(newFile(), CONFIRM);
    await silent.change(file, ['active'], { status: 'archived' }, { ...ACT, action: 'file.archive' });
    expect([queued, await test.query('select type from webhook_messages')]).toEqual([1, [{ type: 'file.confirmed' }]]);
  });

  it('cannot be read or changed by a user, nor added for another one', async () => {
    const as = (statement: string) =>
      test.query(`begin; set local role signpost_app; set local signpost.user_id = 'alice'; ${statement}`);
    const insert = (columns: string, values: string) =>
      as(`insert into webhook_messages (type, owner_id, file_id, file${columns})
        values ('file.deleted', ${values})`);
    const id = 'gen_random_uuid()';
    await expect(as('select * from webhook_messages')).rejects.toThrow('permission denied');
    await expect(as('update webhook_messages set failures = 0')).rejects.toThrow('permission denied');
    await expect(as('delete from webhook_messages')).rejects.toThrow('permission denied');
    await expect(insert('', `'bob', ${id}, '{}'`)).rejects.toThrow('row-level security');
    await expect(insert(', due_at', `'alice', ${id}, '{}', now()`)).rejects.toThrow('permission denied');
    await insert('', `'alice', ${id}, '{}'`);
  });

  it('are claimed once by any number of instances, and of a file only the earliest', async () => {
    const all = Array.from({ length: 20 }, () => newFile());
    for (const file of all) {
      await files.insert(file, CONFIRM);
      await archive(file);
    }
    const claims = await Promise.all(Array.from({ length: 10 }, () => queries.claim(3)));
    for (const claim of claims) expect(claim.length).toBeLessThanOrEqual(3);
    const claimed = claims.flat();
    expect(new Set(claimed.map(({ number }) => number)).size).toBe(claimed.length);
    const rest = await queries.claim(100);
    expect(new Set(typesOf([...claimed, ...rest]))).toEqual(new Set(['file.confirmed']));
    expect(claimed.length + rest.length).toBe(20);
    for (const message of [...claimed, ...rest]) expect(await queries.noteDelivered(message)).toBe(true);
    expect(new Set(typesOf(await queries.claim(100)))).toEqual(new Set(['file.archived']));
  });

  it('of different owners do not wait for each other, though their ids are the same', async () => {
    const alices = newFile();
    const bobs = newFile({ id: alices.id, ownerId: 'bob' });
    for (const file of [alices, bobs]) await files.insert(file, CONFIRM);
    expect(await queries.claim(10)).toHaveLength(2);
  });

  it('wait after a failure, and keep the later ones of their file waiting', async () => {
    const file = newFile();
    await files.insert(file, CONFIRM);
    await archive(file);
    const [message] = await queries.claim(10);
    if (message === undefined) throw new Error('none was due');
    expect(await queries.noteFailed(message, 'answered 500', 3600)).toBe(true);
    expect(await queries.claim(10)).toEqual([]);
    expect(await queries.postpone()).toBe(1);
    expect(await queries.secondsUntilDue()).toBeGreaterThan(3500);
    const [failed] = await queries.list('waiting', 1);
    expect(failed).toMatchObject({ id: message.id, failures: 1, lastFailure: 'answered 500', deadAt: null });
  });

  it('that wait for an earlier one are postponed until it is due, and are due at once when it ends', async () => {
    const file = newFile();
    await files.insert(file, CONFIRM);
    await archive(file);
    await restore(file);
    const [first] = await queries.claim(10);
    if (first === undefined) throw new Error('none was due');
    expect(await queries.postpone()).toBe(2);
    expect([await queries.postpone(), await queries.claim(10)]).toEqual([0, []]);
    const [, second, third] = await queries.list('waiting', 10);
    expect(await queries.list('waiting', 10, second?.number)).toEqual([third]);
    expect([second?.dueAt, third?.dueAt]).toEqual([first.dueAt, first.dueAt]);
    await queries.noteDelivered(first);
    const [next, ...others] = await queries.claim(10);
    expect([next?.id, others]).toEqual([second?.id, []]);
  });

  it('are not postponed by an instance while another one ends the earlier one', async () => {
    for (let n = 0; n < 30; n++) {
      const file = newFile();
      await files.insert(file, CONFIRM);
      const [first] = await queries.claim(10);
      if (first === undefined) throw new Error('none was due');
      await archive(file);
      await Promise.all([queries.postpone(), queries.noteDelivered(first), queries.postpone(), queries.postpone()]);
      const [next] = await queries.claim(10);
      expect(next?.type).toBe('file.archived');
      expect(next && (await queries.noteDelivered(next))).toBe(true);
    }
  });

  it('that are dead let the later ones of their file go, until they are to be sent again', async () => {
    const file = newFile();
    await files.insert(file, CONFIRM);
    await archive(file);
    await restore(file);
    const [first] = await queries.claim(1);
    if (first === undefined) throw new Error('none was due');
    await queries.noteFailed(first, 'answered 410', null);
    expect(typesOf(await queries.claim(10))).toEqual(['file.archived']);
    expect((await queries.list('dead', 10)).map(({ id }) => id)).toEqual([first.id]);
    expect(await queries.retry(null)).toEqual([first.id]);
    const [again, ...others] = await queries.claim(10);
    expect([again?.id, again?.failures, again?.deadAt, others]).toEqual([first.id, 0, null, []]);
  });

  it('are sent again by id, also delivered ones, but not while they may be on their way', async () => {
    const [delivered, claimed] = [newFile(), newFile()];
    await files.insert(delivered, CONFIRM);
    const [message] = await queries.claim(1);
    if (message === undefined) throw new Error('none was due');
    await queries.noteDelivered(message);
    await files.insert(claimed, CONFIRM);
    const [other] = await queries.claim(1);
    expect(await queries.retry([message.id, other?.id ?? ''])).toEqual([message.id]);
    expect((await queries.claim(10)).map(({ id }) => id)).toEqual([message.id]);
  });

  it('are taken over when a claim runs out, and who had the claim can no longer end it', async () => {
    await files.insert(newFile(), CONFIRM);
    const [lost] = await queries.claim(1);
    if (lost === undefined) throw new Error('none was due');
    expect(await queries.claim(1)).toEqual([]);
    expect(await queries.secondsUntilDue()).toBeGreaterThan(0);
    await test.query(`update webhook_messages set due_at = now() - interval '1 second'`);
    const [taken] = await queries.claim(1);
    expect(taken?.id).toBe(lost.id);
    expect(await queries.noteFailed(lost, 'late', null)).toBe(false);
    expect(await queries.noteDelivered(lost)).toBe(false);
    expect(await queries.release(lost)).toBe(false);
    expect(taken && (await queries.noteDelivered(taken))).toBe(true);
  });

  it('are due at once when a claim is given back', async () => {
    await files.insert(newFile(), CONFIRM);
    const [message] = await queries.claim(1);
    expect(message && (await queries.release(message))).toBe(true);
    expect(await queries.claim(1)).toMatchObject([{ id: message?.id, failures: 0 }]);
  });

  it('are deleted a week after their delivery, and never while they wait or are dead', async () => {
    for (let n = 0; n < 4; n++) await files.insert(newFile(), CONFIRM);
    const [old, recent, dead] = await queries.claim(3);
    if (old === undefined || recent === undefined || dead === undefined) throw new Error('none was due');
    for (const message of [old, recent]) await queries.noteDelivered(message);
    await queries.noteFailed(dead, 'answered 410', null);
    await test.query(
      `update webhook_messages set at = at - interval '1 year', dead_at = dead_at - interval '1 year',
      delivered_at = delivered_at - (case when number = $1 then interval '8 days' else '6 days' end)`,
      [old.number],
    );
    expect(await queries.countQueue()).toEqual({ waiting: 1, dead: 1 });
    expect(await queries.forget(7, 100)).toBe(1);
    expect(await test.query('select id from webhook_messages where id = $1', [old.id])).toEqual([]);
    expect(await test.query('select count(*)::int as count from webhook_messages')).toEqual([{ count: 3 }]);
  });
});
