import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealAuditLog } from '../../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../../src/audit/verify-audit-log.ts';
import { connectDatabase } from '../../src/db/connect-database.ts';
import { grantRuntimeRights, grantStatements, RUNTIME_RIGHTS, USER_RIGHTS } from '../../src/db/runtime-rights.ts';
import { rebindFiles } from '../../src/jobs/rebind-files.ts';
import { SWEEP_LEASE } from '../../src/jobs/start-jobs.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { withClocks } from '../jobs/with-clocks.ts';

/** With a character that must be quoted. */
const LOGIN = `runtime-"${randomUUID().slice(0, 8)}`;

let owner: TestDatabase;
let service: TestService;
let loginUrl: string;
beforeAll(async () => {
  owner = await createTestDatabase();
  const [row] = await owner.query(`select format('create role %I login password ''secret''', $1::text) as statement`, [
    LOGIN,
  ]);
  await owner.query(String(row?.statement));
  await grantRuntimeRights({ url: owner.url }, LOGIN);
  // As after each migration.
  await grantRuntimeRights({ url: owner.url }, LOGIN);
  loginUrl = Object.assign(new URL(owner.url), { username: LOGIN, password: 'secret' }).href;
  service = await startTestService({ env: { DATABASE_URL: loginUrl, MIGRATE_ON_START: 'false' } });
});
afterAll(async () => {
  await service.close();
  const quoted = `"${LOGIN.replace('"', '""')}"`;
  await owner.query(`drop owned by ${quoted}`);
  await owner.query(`drop role ${quoted}`);
  await owner.drop();
});

describe('a login that does not own the tables', () => {
  it('runs every route', async () => {
    const { call, presign, put, store } = service;
    const ready = await service.app.request('/readyz');
    expect(ready.status).toBe(200);
    const file = await store('alice', 'hello', { recordId: 'case-1', documentType: 'note' });
    expect((await service.confirm('alice', file.objectKey)).status).toBe(200);
    const answers = await Promise.all([
      call('alice', '/files'),
      call('alice', '/files?q=a&sort=fileName'),
      call('alice', `/files/${file.fileId}`),
      call('alice', '/usage'),
      call('alice', '/audit'),
      call('alice', '/presign-download', { fileId: file.fileId }),
      call('root', '/audit', undefined, {
        headers: { authorization: `Bearer ${await mint('root', { scope: 'files:admin files:read' })}` },
      }),
      call('alice', `/files/${file.fileId}`, { fileName: 'b.txt', recordId: 'case-2' }, { method: 'PATCH' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const action of ['archive', 'restore']) {
      expect((await call('alice', `/files/${file.fileId}/${action}`, {})).status).toBe(200);
    }
    expect((await call('alice', `/files/${file.fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    const refused = await presign('alice', { fileName: 'a.png', contentType: 'image/png', size: 4 });
    await put(refused, 'MZ\0\0');
    expect((await service.confirm('alice', refused.objectKey)).status).toBe(422);
    const aborted = await presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 1 });
    expect((await call('alice', '/abort-upload', { objectKey: aborted.objectKey })).status).toBe(204);
  });

  it('sweeps under its lease, forgets, seals and verifies', async () => {
    const { services } = service;
    await service.store('bob', 'kept');
    await owner.query(`update files set deleted_at = now() - interval '30 days',
      object_removed_at = now() - interval '30 days' where status = 'deleted'`);
    const [late, removed] = [
      { fileName: 'a.txt', contentType: 'text/plain', size: 1 },
      await service.store('bob', 'x'),
    ];
    await service.put(await service.presign('bob', late), 'l');
    await service.call('bob', `/files/${removed.fileId}`, undefined, { method: 'DELETE' });
    await service.bucket.write(removed.objectKey, 'sent again');
    const days = { bucket: 172_800_000, database: 172_800_000, host: 172_800_000 };
    const state = await services.exclusively(SWEEP_LEASE, () => sweep(withClocks(services, days)));
    expect(state?.counts).toMatchObject({ listed: 3, missing: 0, abandoned: 1, stray: 1 });
    await owner.query(`update files set deleted_at = now() - interval '30 days',
      object_removed_at = now() - interval '30 days' where status = 'deleted'`);
    await services.exclusively(SWEEP_LEASE, () => sweep(services));
    expect(await owner.query(`select 1 from files where status = 'deleted'`)).toEqual([]);
    // An open transaction anywhere in the cluster delays the sealing of later rows.
    const seal = () => sealAuditLog(services).then(() => verifyAuditLog(services));
    await expect.poll(seal).toMatchObject({ broken: [], unsealed: 0 });
  });

  it('may not change a row’s data about its object, and the error says who may', async () => {
    const { fileId } = await service.store('erin', 'moved');
    await owner.query(`update files set etag = '"of another bucket"' where id = $1`, [fileId]);
    await expect(rebindFiles(service.services)).rejects.toThrow('it must be the one that owns the tables');
  });

  it.each([
    'create table mine (id int)',
    'create schema mine',
    'alter table files disable row level security',
    'drop policy files_own on files',
    'update files set size_bytes = 0',
    'update audit_events set outcome = outcome',
    'delete from audit_events',
    `insert into audit_events (actor_id, user_id, action, outcome, request_id, xid) values ('a', 'a', 'x', 'ok', 'r', '1')`,
    'delete from audit_seals',
    'truncate files',
    'insert into signpost_migrations (tag, hash, created_at) values (1, 1, 1)',
  ])('may not: %s', async (statement) => {
    const database = await connectDatabase({ url: loginUrl, maxConnections: 1 });
    try {
      const answer = database.withConnection(async (db) => db.execute(statement));
      await expect(answer).rejects.toMatchObject({ cause: { code: '42501' } });
    } finally {
      await database.close();
    }
  });

  it('has the rights that docs/database.md lists', async () => {
    const page = await readFile('docs/database.md', 'utf8');
    for (const statement of grantStatements('app')) expect(page).toContain(`\n${statement};\n`);
  });

  it('has its rights on every table listed', async () => {
    const tables = await owner.query('select tablename as name from pg_tables where schemaname = current_schema()');
    expect(Object.keys(RUNTIME_RIGHTS).sort()).toEqual(tables.map(({ name }) => name).sort());
  });

  it('acts as a role whose rights are all listed', async () => {
    const granted = await owner.query(
      `select table_name as name, array_agg(column_name::text) filter (where privilege_type = 'UPDATE') as updates
       from information_schema.column_privileges where grantee = 'signpost_app' group by table_name order by table_name`,
    );
    const listed = Object.entries(USER_RIGHTS).map(([name, rights]) => {
      const [, columns] = /UPDATE \((.*)\)/.exec(rights.join()) ?? [];
      return { name, updates: columns ? expect.arrayContaining(columns.split(', ')) : null };
    });
    expect(granted).toEqual(listed.sort((a, b) => (a.name < b.name ? -1 : 1)));
    expect(granted.flatMap(({ updates }) => updates ?? [])).toHaveLength(9);
  });
});
