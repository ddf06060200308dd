import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { tryNamedStatements } from '../../src/db/try-named-statements.ts';
import { checkDatabase } from '../../src/doctor/check-database.ts';
import { startJobs } from '../../src/jobs/start-jobs.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startTestBucket, startTestService, type TestService } from '../helpers/test-service.ts';
import { KNOWS_NAMES, startPgBouncer } from './start-pgbouncer.ts';

type PgBouncer = Awaited<ReturnType<typeof startPgBouncer>>;

/** All ways in which this version of the pooler can be used. */
const WAYS = [{ names: 0, prepare: 'false' }, ...(KNOWS_NAMES ? [{ names: 100, prepare: 'true' }] : [])];

describe.each(WAYS)('behind PgBouncer in transaction mode, DATABASE_PREPARE=$prepare', ({ names, prepare }) => {
  let database: TestDatabase;
  let pooler: PgBouncer;
  let bucket: Awaited<ReturnType<typeof startTestBucket>>;
  const services: TestService[] = [];
  beforeAll(async () => {
    database = await createTestDatabase({ migrated: false });
    pooler = await startPgBouncer(database.url, names);
    bucket = await startTestBucket();
  });
  afterAll(async () => {
    for (const service of services) await service.close();
    await pooler.stop();
    await bucket.close();
    await database.drop();
  });

  async function start(): Promise<TestService> {
    const env = { DATABASE_URL: pooler.url, DATABASE_PREPARE: prepare, JOBS_INTERVAL_SECONDS: '1' };
    const service = await startTestService({ env: { ...bucket.env, ...env } });
    services.push(service);
    return service;
  }

  it('two instances serve and sweep in turn, and a third one starts under load', async () => {
    const two = await Promise.all([start(), start()]);
    const stops = two.map(({ services }) => startJobs(services, () => 0));
    let isOver = false;
    let served = 0;
    const clients = Array.from({ length: 16 }, async (_, n) => {
      const user = `user-${n}`;
      while (!isOver) {
        const service = two[n % 2] ?? two[0];
        const { fileId } = await service.store(user, `text ${served}`);
        const answers = await Promise.all([
          service.call(user, '/files?q=a'),
          service.call(user, '/presign-download', { fileId }),
          service.call(user, `/files/${fileId}`),
          service.call(user, '/usage'),
        ]);
        expect(answers.map(({ status, body }) => (status === 200 ? 200 : body))).toEqual([200, 200, 200, 200]);
        served += 1;
      }
    });
    const load = Promise.all(clients);
    load.catch(() => {});
    await expect.poll(() => served).toBeGreaterThan(16);

    const third = await start();
    await third.services.database.ping();
    expect(third.logs.filter(({ level }) => level !== 'info')).toEqual([]);

    const sweeps = () => two.flatMap(({ logs }) => logs.filter(({ message }) => message === 'sweep'));
    const before = sweeps().length;
    await expect.poll(() => sweeps().length).toBeGreaterThan(before + 3);
    isOver = true;
    await load;
    await Promise.all(stops.map((stop) => stop()));
    expect(two.flatMap(({ logs }) => logs.filter(({ level }) => level === 'error'))).toEqual([]);
    const [{ count } = {}] = await database.query('select count(*)::int as count from files');
    expect(count).toBe(served);
  });

  it('leaves no lock and no setting on the connections that others get next', async () => {
    const here = 'database = (select oid from pg_database where datname = current_database())';
    expect(await database.query(`select * from pg_locks where locktype = 'advisory' and ${here}`)).toEqual([]);
    const clients = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const client = new pg.Client({ connectionString: pooler.url });
        await client.connect();
        return client;
      }),
    );
    await Promise.all(clients.map((client) => client.query('begin')));
    const names = ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout', 'signpost.user_id'];
    const query = `select pg_backend_pid() as pid, current_user = session_user as himself,
      ${names.map((name, n) => `coalesce(current_setting('${name}', true), '') as s${n}`)}`;
    const rows = (await Promise.all(clients.map((client) => client.query(query)))).flatMap(({ rows }) => rows);
    await Promise.all(clients.map((client) => client.end()));
    expect(new Set(rows.map(({ pid }) => pid)).size).toBe(8);
    for (const row of rows) expect(row).toMatchObject({ himself: true, s0: '0', s1: '0', s2: '0', s3: '' });
  });
});

describe('a pooler that loses named statements', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('is distinguished from one that keeps them, and from none', async () => {
    expect(await tryNamedStatements({ url: database.url })).toBe('direct');
    const pooler = await startPgBouncer(database.url);
    expect(await tryNamedStatements({ url: pooler.url })).toBe('lost');
    await pooler.stop();
    if (KNOWS_NAMES) {
      const keeping = await startPgBouncer(database.url, 100);
      expect(await tryNamedStatements({ url: keeping.url })).toBe('kept');
      await keeping.stop();
    }
  });

  it('is reported by the doctor, and works with DATABASE_PREPARE=false', async () => {
    const pooler = await startPgBouncer(database.url);
    const look = async (env: Record<string, string>) => {
      const config = parseConfig({ DATABASE_URL: pooler.url, ...env });
      const found = [];
      for await (const check of checkDatabase(config, pooler.url)) found.push(check);
      return found.filter(({ verdict }) => verdict !== 'ok').map(({ name }) => name);
    };
    expect(await look({})).toEqual(['database: named statements']);
    expect(await look({ DATABASE_PREPARE: 'false' })).toEqual([]);
    await pooler.stop();
  });

  it('is reported in the log at start, with the setting that helps', async () => {
    const pooler = await startPgBouncer(database.url);
    const service = await startTestService({ env: { DATABASE_URL: pooler.url } });
    await expect.poll(() => JSON.stringify(service.logs)).toContain('DATABASE_PREPARE=false');
    await service.close();
    await pooler.stop();
  });
});
