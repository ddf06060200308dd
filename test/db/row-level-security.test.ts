import { eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEvents, auditSeals } from '../../src/db/audit-schema.ts';
import { connectDatabase, type Database, type Statement } from '../../src/db/connect-database.ts';
import { createAuditLog } from '../../src/db/create-audit-log.ts';
import { leases } from '../../src/db/jobs-schema.ts';
import { files, fileUsage } from '../../src/db/schema.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';

describe.each(['pg', 'neon'] as const)('row level security, with the driver %s', (driver) => {
  let test: TestDatabase;
  let proxy: { stop(): Promise<void> };
  let database: Database;

  beforeAll(async () => {
    proxy = await startNeonProxy();
    test = await createTestDatabase();
    for (const owner of ['alice', 'bob', "o'hara\\"]) {
      const id = uuidv7();
      await test.query(
        `insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
         values ($1, $2, $3, 'a', 'text/plain', 7, '"e"', now())`,
        [id, owner, `${owner}/${id}`],
      );
      await test.query(
        `insert into audit_events (actor_id, user_id, action, outcome, request_id) values ($1, $1, 'x', 'ok', 'r')`,
        [owner],
      );
    }
    database = await connectDatabase({ url: test.url, driver });
  });

  afterAll(async () => {
    await database.close();
    await test.drop();
    await proxy.stop();
  });

  it('limits a query without a condition on the owner to its user’s rows', async () => {
    for (const user of ['alice', 'bob', "o'hara\\"]) {
      expect(
        (await database.asUser(user, (db) => db.select().from(files).prepare(''))).map((row) => row.ownerId),
      ).toEqual([user]);
      const events = await database.asUser(user, (db) => db.select().from(auditEvents).prepare(''));
      expect(events.map((row) => row.userId)).toEqual([user]);
      const usage = await database.asUser(user, (db) => db.select().from(fileUsage).prepare(''));
      expect(usage).toEqual([{ ownerId: user, sizeBytes: 7, files: 1 }]);
    }
  });

  it('shows no row without a user', async () => {
    expect(await database.asUser('', (db) => db.select().from(files).prepare(''))).toEqual([]);
    const rows = await database.withConnection((db) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`set local role signpost_app`);
        return tx.select().from(files);
      }),
    );
    expect(rows).toEqual([]);
  });

  it('refuses to add or change a row of another user', async () => {
    const taken = { id: uuidv7(), objectKey: 'k', fileName: 'a', contentType: 'text/plain', sizeBytes: 1, etag: '"e"' };
    const insert: Statement<unknown> = (db) =>
      db
        .insert(files)
        .values({ ...taken, ownerId: 'bob', createdAt: new Date() })
        .prepare('');
    await expect(database.asUser('alice', insert)).rejects.toMatchObject({ cause: { code: '42501' } });
    await database.asUser('alice', (db) => db.update(files).set({ fileName: 'stolen' }).prepare(''));
    expect(await test.query(`select owner_id from files where file_name = 'stolen'`)).toEqual([{ owner_id: 'alice' }]);
    const event = { actorId: 'alice', action: 'upload.presign', outcome: 'ok', fileId: null, objectKey: null } as const;
    const log = createAuditLog(database);
    const forged = log.add('alice', [{ ...event, userId: 'bob', address: null, requestId: 'r' }]);
    await expect(forged).rejects.toMatchObject({ cause: { code: '42501' } });
  });

  it('grants a user no more than the service needs', async () => {
    const forbidden: Statement<unknown>[] = [
      (db) => db.delete(files).prepare(''),
      (db) => db.update(fileUsage).set({ files: 0 }).prepare(''),
      (db) => db.update(auditEvents).set({ outcome: 'x' }).prepare(''),
      (db) => db.delete(auditEvents).prepare(''),
      (db) => db.select().from(auditSeals).prepare(''),
      (db) => db.select().from(leases).prepare(''),
      // Usage would fall, and the log would have rows of other times and in sealed ranges.
      (db) => db.update(files).set({ sizeBytes: 0 }).prepare(''),
      (db) => db.update(files).set({ ownerId: 'alice', objectKey: 'k' }).prepare(''),
      ...[{ at: new Date(0) }, { xid: '1' }].map((more): Statement<unknown> => {
        const event = { actorId: 'alice', userId: 'alice', action: 'x', outcome: 'ok', requestId: 'r', ...more };
        return (db) => db.insert(auditEvents).values(event).prepare('');
      }),
      ...[`id, at`, `id`, `at`, `xid`].map((column): Statement<unknown> => {
        const names = `(actor_id, user_id, action, outcome, request_id, ${column})`;
        const values = `('alice', 'alice', 'x', 'ok', 'r'${', default'.repeat(column.split(',').length)})`;
        return (db) => ({ execute: () => db.execute(`insert into audit_events ${names} values ${values}`).execute() });
      }),
    ];
    for (const statement of forbidden) {
      await expect(database.asUser('alice', statement)).rejects.toMatchObject({ cause: { code: '42501' } });
    }
  });

  it('leaves no setting of the user on the connection, also after a failure', async () => {
    const single = await connectDatabase({ url: test.url, driver, maxConnections: 1 });
    const whoami: Statement<unknown> = (db) =>
      db
        .select({ user: sql`current_setting('signpost.user_id', true)`, role: sql`current_role` })
        .from(sql`(select 1) as one`)
        .prepare('');
    expect(await single.asUser('alice', whoami)).toEqual([{ user: 'alice', role: 'signpost_app' }]);
    await expect(single.asUser('alice', (db) => db.delete(files).prepare(''))).rejects.toThrow();
    const { rows } = (await single.db.execute(
      sql`select coalesce(current_setting('signpost.user_id', true), '') as user, current_role as role`,
    )) as unknown as { rows: unknown[] };
    expect(rows).toEqual([{ user: '', role: new URL(test.url).username }]);
    expect(await single.asUser('bob', whoami)).toEqual([{ user: 'bob', role: 'signpost_app' }]);
    await single.close();
  });

  it('keeps simultaneous statements of many users apart', async () => {
    const owners = await Promise.all(
      Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? 'alice' : 'bob')).map(async (user) => {
        const rows = await database.asUser(user, (db) => db.select().from(files).prepare(''));
        return rows.every((row) => row.ownerId === user) && rows.length === 1;
      }),
    );
    expect(owners).not.toContain(false);
  });

  it('runs a prepared statement many times', async () => {
    const mine: Statement<unknown[]> = (db) =>
      db
        .select()
        .from(files)
        .where(eq(files.ownerId, sql.placeholder('owner')))
        .prepare(`mine_${driver}`);
    for (const user of ['alice', 'bob', 'alice']) {
      expect(await database.asUser(user, mine, { owner: user })).toHaveLength(1);
      expect(await database.asUser(user, mine, { owner: 'somebody else' })).toHaveLength(0);
    }
  });
});
