import { sql } from 'drizzle-orm';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/contract/errors.ts';
import { auditEvents } from '../../src/db/audit-schema.ts';
import { connectDatabase, type Database, type Statement } from '../../src/db/connect-database.ts';
import { createAuditLog } from '../../src/db/create-audit-log.ts';
import { createFileQueries } from '../../src/db/create-file-queries.ts';
import { type Db, queryDatabase, sqlState } from '../../src/db/query-database.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { startRelay } from '../helpers/relay.ts';

const UNAVAILABLE = { name: 'Problem', code: 'database-unavailable', headers: { 'retry-after': '5' } };

const NO_QUOTA = { bytes: null, files: null };

const ACT = { actorId: 'alice', action: 'upload.presign', address: null, requestId: 'r' } as const;
const EVENT = { ...ACT, userId: 'alice', outcome: 'ok', fileId: null, objectKey: null };

let test: TestDatabase;
let proxy: { stop(): Promise<void> };

beforeAll(async () => {
  proxy = await startNeonProxy();
  test = await createTestDatabase();
});

afterAll(async () => {
  await test.drop();
  await proxy.stop();
});

describe.each(['pg', 'neon'] as const)('a database, with the driver %s', (driver) => {
  let relay: Awaited<ReturnType<typeof startRelay>>;
  let database: Database;
  /** For timeouts alone: a busy machine takes longer than a second for any query. */
  let hasty: Database;

  beforeEach(async () => {
    relay = await startRelay(test.url);
    database = await connectDatabase({ url: relay.url, driver });
    hasty = await connectDatabase({ url: relay.url, driver, queryTimeoutSeconds: 1 });
  });

  afterEach(async () => {
    await Promise.all([database.close(), hasty.close()]);
    await relay.goAway();
  });

  it('answers a ping', async () => {
    await expect(database.ping()).resolves.toBeUndefined();
  });

  it('is unavailable while it refuses connections, and works again afterwards', async () => {
    const files = createFileQueries(database, NO_QUOTA);
    const list = () => files.list({ ownerId: 'alice', limit: 1 });
    await list();
    await relay.goAway();
    await expect(list()).rejects.toMatchObject(UNAVAILABLE);
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
    await relay.comeBack();
    expect(await list()).toEqual([]);
  });

  it('is unavailable if it stops during a query', async () => {
    const patient = await connectDatabase({ url: relay.url, driver });
    const lock = await lockFiles();
    const answer = expect(
      createFileQueries(patient, NO_QUOTA).list({ ownerId: 'alice', limit: 1 }),
    ).rejects.toMatchObject(UNAVAILABLE);
    await untilWaiting('relation');
    await relay.goAway();
    await answer;
    await lock.end();
    await patient.close();
    await relay.comeBack();
  });

  it('is unavailable after a timeout if it never answers a query', async () => {
    await expect.poll(() => hasty.ping()).toBeUndefined();
    relay.setSilent(true);
    await expect(hasty.ping()).rejects.toMatchObject(UNAVAILABLE);
    relay.setSilent(false);
    await expect.poll(() => hasty.ping()).toBeUndefined();
  });

  it('is unavailable after a timeout if it never answers on a new connection', async () => {
    relay.setSilent(true);
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
  });

  it('is unavailable after a timeout while a query waits for a lock', async () => {
    const lock = await lockFiles();
    await expect(createFileQueries(hasty, NO_QUOTA).list({ ownerId: 'alice', limit: 1 })).rejects.toMatchObject(
      UNAVAILABLE,
    );
    await lock.end();
  });

  it('opens new connections after the server has ended them', async () => {
    await Promise.all([database.ping(), database.ping(), database.ping()]);
    await test.query(`
      select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = current_database() and application_name = 'signpost'`);
    // The pool may hand out a connection before it sees its end: that call fails, the next ones succeed.
    await database.ping().catch((error) => expect(error).toMatchObject(UNAVAILABLE));
    await expect.poll(() => database.ping()).toBeUndefined();
  });

  it('is unavailable if it says so itself', async () => {
    for (const state of ['53300', '57P03', '08006', '25006', '42P01', '55000', '40001']) {
      const raise = sql.raw(`do $$ begin raise exception 'not now' using errcode = '${state}'; end $$`);
      await expect(
        queryDatabase(() => database.db.execute(raise)),
        state,
      ).rejects.toMatchObject(UNAVAILABLE);
    }
    const ofPooler = Object.assign(new Error('Tenant or user not found'), { severity: 'FATAL', code: 'XX000' });
    await expect(queryDatabase(() => Promise.reject(ofPooler))).rejects.toMatchObject(UNAVAILABLE);
  });

  it('leaves a server that became read-only and finds the new primary, also while busy', async () => {
    const add = () => createAuditLog(database).add('alice', [EVENT]);
    // The first connections are to the old primary, later ones to the new one.
    await setReadOnly('on');
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
    await Promise.allSettled(Array.from({ length: 20 }, add));
    await setReadOnly('off');
    const answers = await Promise.allSettled(Array.from({ length: 20 }, add));
    for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toMatchObject(UNAVAILABLE);
    await add();
    await expect(database.ping()).resolves.toBeUndefined();
  });

  it('replaces every connection after a ping has found it read-only', async () => {
    const own = await connectDatabase({ url: test.url, driver, maxConnections: 1 });
    const pid = () =>
      own.asUser('alice', (db) => db.select({ pid: sql`pg_backend_pid()` }).from(sql`(select 1) as one`).prepare(''));
    const before = await pid();
    await setReadOnly('on');
    await expect(own.ping()).rejects.toMatchObject(UNAVAILABLE);
    await setReadOnly('off');
    expect(await pid()).not.toEqual(before);
    await own.close();
  });

  it('answers a ping while every other connection is busy', async () => {
    const single = await connectDatabase({ url: test.url, driver, maxConnections: 1 });
    let busy: Promise<void> = Promise.resolve();
    const free = await new Promise<() => void>((begun) => {
      busy = single.withConnection(() => new Promise<void>((resolve) => begun(resolve)));
    });
    await single.ping();
    free();
    await busy;
    await single.close();
  });

  it('returns the connection if a statement cannot be built or filled in', async () => {
    const single = await connectDatabase({ url: test.url, driver, maxConnections: 1 });
    const unbuilt: Statement<unknown> = () => {
      throw new TypeError('a mistake');
    };
    for (let i = 0; i < 2; i++) await expect(single.asUser('alice', unbuilt)).rejects.toThrow('a mistake');
    const unfilled: Statement<unknown> = (db) => db.execute(sql`select ${sql.placeholder('missing')}`);
    for (let i = 0; i < 2; i++) await expect(single.asUser('alice', unfilled)).rejects.toThrow();
    const open = `select 1 from pg_stat_activity where datname = current_database() and state like 'idle in%'`;
    expect(await test.query(open)).toEqual([]);
    expect(await createFileQueries(single, NO_QUOTA).list({ ownerId: 'alice', limit: 1 })).toEqual([]);
    await single.close();
  });

  it.each([
    ['names its statements with prepare', true],
    ['does not name them without prepare', false],
  ])('%s', async (_name, prepare) => {
    const single = await connectDatabase({ url: test.url, driver, maxConnections: 1, prepare });
    const files = createFileQueries(single, NO_QUOTA);
    await files.usage('alice');
    await files.usage('alice');
    const known = await single.asUser('alice', (db) =>
      db.select({ name: sql`name` }).from(sql`pg_prepared_statements`).prepare(''),
    );
    expect(known.map(({ name }) => name)).toEqual(prepare ? expect.arrayContaining(['file_usage_find']) : []);
    await single.close();
  });

  it.each([true, false])(
    'applies settings to one statement, which runs only with them (prepare: %s)',
    async (prepare) => {
      const single = await connectDatabase({ url: test.url, driver, maxConnections: 1, prepare });
      const asked = { role: sql`current_user`, user: sql`current_setting('signpost.user_id', true)` };
      const ask = (db: Db) =>
        db
          .select({ ...asked, zone: sql`current_setting('timezone')` })
          .from(sql`now()`)
          .prepare('ask');
      const [before] = await ask(single.db).execute();
      for (const zone of ['Asia/Tokyo', 'Europe/Berlin'])
        expect(await single.asUser(`of ${zone}`, ask, {}, { timezone: zone })).toEqual([
          { role: 'signpost_app', user: `of ${zone}`, zone },
        ]);
      const write = (db: Db) =>
        db
          .insert(auditEvents)
          .values({ ...EVENT, requestId: 'unset' })
          .prepare('');
      expect(await single.asUser('alice', write, {}, { timezone: 'nowhere' }).catch(sqlState)).toBe('22023');
      expect(await test.query(`select 1 from audit_events where request_id = 'unset'`)).toEqual([]);
      const [after] = await ask(single.db).execute();
      expect({ ...after, user: after?.user || null }).toEqual({ ...before, user: null });
      await single.close();
    },
  );

  it('rethrows a mistake in a query unchanged', async () => {
    const query = () => database.db.execute(sql`select no_such_function()`);
    await expect(queryDatabase(query)).rejects.toMatchObject({ cause: { code: '42883' } });
  });

  it('rethrows errors from between the queries of a transaction', async () => {
    for (const error of [new Problem('conflict', 'no'), new Error('a mistake'), new TypeError('another')]) {
      const answer = database.withConnection((db) =>
        db.transaction(async () => {
          throw error;
        }),
      );
      await expect(answer).rejects.toBe(error);
    }
  });

  it('is unavailable if it stops before or in a transaction, and the pool loses no connection', async () => {
    const single = await connectDatabase({ url: relay.url, driver, maxConnections: 1 });
    const transaction = (between = async () => {}) =>
      single.withConnection((db) =>
        db.transaction(async (tx) => {
          await tx.execute(sql`select 1`);
          await between();
          await tx.execute(sql`select 2`);
        }),
      );
    await transaction();
    await relay.goAway();
    await expect(transaction()).rejects.toMatchObject(UNAVAILABLE);
    await expect(transaction()).rejects.toMatchObject(UNAVAILABLE);
    await relay.comeBack();
    await expect(transaction(relay.goAway)).rejects.toMatchObject(UNAVAILABLE);
    await relay.comeBack();
    await transaction();
    await single.close();
  });

  it('repeats the query that a deadlock has ended', async () => {
    const patient = await connectDatabase({ url: test.url, driver });
    const other = await connectClient();
    await other.query('begin; select pg_advisory_xact_lock(1)');
    let runs = 0;
    const answer = patient.withConnection((db) => {
      runs += 1;
      return db.transaction(async (tx) => {
        await tx.execute(sql`select pg_advisory_xact_lock(2)`);
        await tx.execute(sql`select pg_advisory_xact_lock(1)`);
      });
    });
    await untilWaiting('advisory');
    // PostgreSQL ends the statement that detects the deadlock first, after a second: this one waits a minute.
    await other.query('set local deadlock_timeout = 60000; select pg_advisory_xact_lock(2)');
    await other.query('commit');
    await answer;
    expect(runs).toBe(2);
    await other.end();
    await patient.close();
  });
});

/** Makes new connections read-only, as on a stand-by, or writable again. */
async function setReadOnly(value: 'on' | 'off'): Promise<void> {
  const name = new URL(test.url).pathname.slice(1);
  await test.query(`begin read write; alter database "${name}" set default_transaction_read_only = ${value}; commit`);
}

async function connectClient(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: test.url });
  await client.connect();
  return client;
}

/** Locks the table until the connection ends. */
async function lockFiles(): Promise<pg.Client> {
  const client = await connectClient();
  await client.query('begin; lock table files in access exclusive mode');
  return client;
}

async function untilWaiting(event: 'relation' | 'advisory'): Promise<void> {
  const waiting = `select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and wait_event = '${event}'`;
  await expect.poll(() => test.query(waiting)).toHaveLength(1);
}
