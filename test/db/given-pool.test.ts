import { Pool as NeonPool, neonConfig } from '@neondatabase/serverless';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createFileQueries } from '../../src/db/create-file-queries.ts';
import { createLeases } from '../../src/db/create-leases.ts';
import { type GivenPool, isGivenPool } from '../../src/db/given-pool.ts';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { newFile } from '../helpers/new-file.ts';
import { startRelay } from '../helpers/relay.ts';

const UNAVAILABLE = { code: 'database-unavailable' };
type Pool = GivenPool & { end(): Promise<void> };
const openPool = (driver: 'pg' | 'neon', config: { connectionString: string; max?: number }): Pool => {
  const pool = driver === 'pg' ? new pg.Pool(config) : new NeonPool(config);
  // As an app must: the server may end a connection that nobody uses, here when the database is dropped.
  pool.on('error', () => {});
  return pool;
};

/** A statement of the app's own. */
async function ask(pool: Pool, text: string) {
  const client = await pool.connect();
  const { rows } = (await client.query(text)) as { rows: Record<string, unknown>[] };
  client.release(false);
  return rows;
}
const ACT = { actorId: 'alice', address: null, requestId: 'r', action: 'upload.confirm' } as const;

let proxy: { stop(): Promise<void> };
let test: TestDatabase;
beforeAll(async () => {
  proxy = await startNeonProxy();
  // The app's own step, on Node 20.
  neonConfig.webSocketConstructor = WebSocket;
  test = await createTestDatabase();
});
afterAll(async () => {
  await test.drop();
  await proxy.stop();
});

describe.each(['pg', 'neon'] as const)('a pool of the app, with the driver %s', (driver) => {
  let pool: Pool;
  let database: Database;
  beforeEach(async () => {
    pool = openPool(driver, { connectionString: test.url, max: 1 });
    database = await connectDatabase({ pool });
  });
  afterEach(() => pool.end());

  it('keeps users apart, on a connection that the app has used before', async () => {
    await ask(pool, 'select 1');
    const files = createFileQueries(database, { bytes: null, files: null });
    const file = newFile();
    expect(await files.insert(file, ACT)).toMatchObject({ id: file.id });
    expect(await files.find({ id: file.id, ownerId: 'alice' })).toMatchObject({ id: file.id });
    expect(await files.find({ id: file.id, ownerId: 'eve' })).toBeNull();
    expect(pool.totalCount).toBe(1);
  });

  it('gets its connections back as they were, and stays open', async () => {
    const asked = "select current_user as role, current_setting('signpost.user_id', true) as user";
    const [before] = await ask(pool, asked);
    await createFileQueries(database, { bytes: null, files: null }).usage('alice');
    await expect(
      database.asUser('alice', (db) => db.select({ gone: sql`gone` }).from(sql`nowhere`).prepare('')),
    ).rejects.toThrow();
    await createLeases(database)('a task', async () => {});
    await database.close();
    const [after] = await ask(pool, asked);
    expect({ ...after, user: after?.user || null }).toEqual({ ...before, user: null });
    expect(pool.idleCount).toBe(1);
  });

  it('is unavailable while all its connections are in use, and takes none that comes too late', async () => {
    const used = await pool.connect();
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
    used.release(false);
    await expect(database.ping()).resolves.toBeUndefined();
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
  });

  it('is unavailable where it never answers, and is not left with the connection that does not', async () => {
    const relay = await startRelay(test.url);
    const behind = openPool(driver, { connectionString: relay.url });
    const hasty = await connectDatabase({ pool: behind, queryTimeoutSeconds: 1 });
    await expect.poll(() => hasty.ping()).toBeUndefined();
    relay.setSilent(true);
    const { usage } = createFileQueries(hasty, { bytes: null, files: null });
    await expect(usage('alice')).rejects.toMatchObject(UNAVAILABLE);
    relay.setSilent(false);
    await expect.poll(() => usage('nobody')).toEqual({ sizeBytes: 0, files: 0 });
    await relay.goAway();
    await expect(usage('alice')).rejects.toMatchObject(UNAVAILABLE);
    await behind.end();
  });

  it('migrates, with two connections', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const two = openPool(driver, { connectionString: empty.url, max: 2 });
    await migrateDatabase({ pool: two });
    expect(await empty.query('select count(*)::int as files from files')).toEqual([{ files: 0 }]);
    await two.end();
    await empty.drop();
  });

  it('does not migrate with one connection, which would wait for itself', async () => {
    await expect(migrateDatabase({ pool })).resolves.toBeUndefined();
    const empty = await createTestDatabase({ migrated: false });
    const one = openPool(driver, { connectionString: empty.url, max: 1 });
    await expect(migrateDatabase({ pool: one })).rejects.toThrow('at least two connections');
    await one.end();
    await empty.drop();
  });

  it('is distinguished from other values', async () => {
    expect(isGivenPool(pool)).toBe(true);
    const client = await pool.connect();
    for (const other of [client, () => {}, null, 'postgres://localhost/db', {}]) expect(isGivenPool(other)).toBe(false);
    client.release(false);
  });
});
