import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { neonConfig } from '@neondatabase/serverless';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';

describe.each(['pg', 'neon'] as const)('migrateDatabase, with the driver %s', (driver) => {
  let proxy: { stop(): Promise<void> };
  let test: TestDatabase;

  beforeAll(async () => {
    proxy = await startNeonProxy();
  });

  afterAll(() => proxy.stop());

  beforeEach(async () => {
    test = await createTestDatabase({ migrated: false });
  });

  afterEach(() => test.drop());

  const migrate = (folder = 'drizzle') => migrateDatabase({ url: test.url, driver, folder });
  const applied = () => test.query('select created_at from drizzle.__drizzle_migrations order by created_at');
  const tables = () => test.query(`select to_regclass('public.files')::text as files`);

  it('brings an empty database to the schema, each migration applied once, ten instances starting at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => migrate()));
    const journal = JSON.parse(await readFile('drizzle/meta/_journal.json', 'utf8'));
    expect(await applied()).toEqual(
      journal.entries.map(({ when }: { when: number }) => ({ created_at: String(when) })),
    );
    expect(await tables()).toEqual([{ files: 'files' }]);
  });

  it('changes nothing the second time', async () => {
    await migrate();
    const before = await applied();
    await migrate();
    expect(await applied()).toEqual(before);
  });

  it('leaves no lock and no connection behind', async () => {
    await migrate();
    const connections = `select 1 from pg_stat_activity
      where datname = current_database() and application_name = 'signpost'`;
    await expect.poll(() => test.query(connections)).toEqual([]);
    await expect
      .poll(() =>
        test.query(`select 1 from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`),
      )
      .toEqual([]);
  });

  it('leaves the database as it was when a migration fails, and says why', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signpost-migrations-'));
    await cp('drizzle', folder, { recursive: true });
    const [{ tag }] = JSON.parse(await readFile(join(folder, 'meta/_journal.json'), 'utf8')).entries;
    const file = join(folder, `${tag}.sql`);
    await writeFile(file, `${await readFile(file, 'utf8')}\n--> statement-breakpoint\nselect 1 / 0;`);
    await expect(migrate(folder)).rejects.toMatchObject({ cause: { code: '22012' } });
    expect(await tables()).toEqual([{ files: null }]);
    await migrate();
    expect(await tables()).toEqual([{ files: 'files' }]);
    await rm(folder, { recursive: true });
  });
});

describe('migrateDatabase', () => {
  it('does not blame the database for a missing folder', async () => {
    const test = await createTestDatabase({ migrated: false });
    const migration = migrateDatabase({ url: test.url, folder: 'no-such-folder' });
    await expect(migration).rejects.toThrow("Can't find meta/_journal.json file");
    await test.drop();
  });

  it('answers database-unavailable when nothing listens', async () => {
    const migration = migrateDatabase({ url: 'postgres://u:p@127.0.0.1:1/db', folder: 'drizzle' });
    await expect(migration).rejects.toMatchObject({ code: 'database-unavailable' });
  });

  it("goes to Neon's direct host, not to its pooler, which cannot hold a lock", async () => {
    const hosts: string[] = [];
    neonConfig.useSecureWebSocket = false;
    neonConfig.wsProxy = (host) => {
      hosts.push(host);
      return '127.0.0.1:1';
    };
    const url = 'postgres://u:p-pooler.@ep-cool-1-pooler.eu-central-1.aws.neon.tech/db';
    await expect(migrateDatabase({ url, folder: 'drizzle' })).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(new Set(hosts)).toEqual(new Set(['ep-cool-1.eu-central-1.aws.neon.tech']));
  });
});
