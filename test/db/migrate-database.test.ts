import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { neonConfig } from '@neondatabase/serverless';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/contract/errors.ts';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';

/** Migrates as a start does: again while the server has no free connection. */
const asAtStart = async (migrate: () => Promise<void>): Promise<void> => {
  try {
    await migrate();
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'database-unavailable') throw error;
    await asAtStart(migrate);
  }
};

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
  const applied = () => test.query('select created_at from signpost_migrations order by created_at');
  const tables = () => test.query(`select to_regclass('public.files')::text as files`);

  it('migrates an empty database once, with ten instances starting at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => asAtStart(migrate)));
    const journal = JSON.parse(await readFile('drizzle/meta/_journal.json', 'utf8'));
    expect(await applied()).toEqual(
      journal.entries.map(({ when }: { when: number }) => ({ created_at: String(when) })),
    );
    expect(await tables()).toEqual([{ files: 'files' }]);
  });

  it('migrates a database whose transactions keep their snapshot by default', async () => {
    await test.query(`do $$ begin
      execute format('alter database %I set default_transaction_isolation = serializable', current_database()); end $$`);
    await migrate();
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

  it('leaves the database as it was if a migration fails, and says why', async () => {
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

describe('a migration that runs statement by statement', () => {
  let test: TestDatabase;
  let folder: string;
  beforeEach(async () => {
    test = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'signpost-migrations-'));
    await cp('drizzle', folder, { recursive: true });
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
    await test.drop();
  });

  const INDEX = [
    'drop index concurrently if exists "files_etag_idx"',
    'create index concurrently "files_etag_idx" on "files" ("etag")',
  ];
  const CONSTRAINT = [
    'alter table "files" drop constraint if exists "files_etag_check", add constraint "files_etag_check" check (etag is not null) not valid',
    'alter table "files" validate constraint "files_etag_check"',
  ];
  const index = () =>
    test.query(`select indisvalid as valid from pg_index where indexrelid = to_regclass('files_etag_idx')`);
  const noted = async () => (await test.query(`select 1 from signpost_migrations`)).length;

  /** Adds the newest migration to the folder, with these statements. */
  async function addMigration(...statements: string[]): Promise<void> {
    const path = join(folder, 'meta/_journal.json');
    const journal = JSON.parse(await readFile(path, 'utf8'));
    const last = journal.entries.at(-1);
    await writeFile(
      path,
      JSON.stringify({ ...journal, entries: [...journal.entries, { ...last, when: last.when + 1, tag: 'big' }] }),
    );
    const text = ['-- migrate: statement by statement', statements.join('\n--> statement-breakpoint\n')];
    await writeFile(join(folder, 'big.sql'), text.join('\n'));
  }

  it('builds an index concurrently, once, with ten instances starting at once', async () => {
    await addMigration(...INDEX, ...CONSTRAINT);
    const before = await noted();
    await Promise.all(Array.from({ length: 10 }, () => asAtStart(() => migrateDatabase({ url: test.url, folder }))));
    expect(await index()).toEqual([{ valid: true }]);
    expect(await noted()).toBe(before + 1);
  });

  it('is repeated from its beginning after a failure', async () => {
    const before = await noted();
    await addMigration(...INDEX, 'select 1 / 0');
    await expect(migrateDatabase({ url: test.url, folder })).rejects.toMatchObject({ cause: { code: '22012' } });
    expect(await index()).toEqual([{ valid: true }]);
    expect(await noted()).toBe(before);
    await writeFile(
      join(folder, 'big.sql'),
      (await readFile(join(folder, 'big.sql'), 'utf8')).replace('select 1 / 0', CONSTRAINT[0] ?? ''),
    );
    await migrateDatabase({ url: test.url, folder });
    expect(await index()).toEqual([{ valid: true }]);
    expect(await noted()).toBe(before + 1);
  });

  it('follows transactional ones on an empty database', async () => {
    const empty = await createTestDatabase({ migrated: false });
    await addMigration(...INDEX, ...CONSTRAINT);
    await migrateDatabase({ url: empty.url, folder });
    expect(await empty.query(`select to_regclass('files_etag_idx')::text as name`)).toEqual([
      { name: 'files_etag_idx' },
    ]);
    await empty.drop();
  });

  it('blocks no query while a long one has the table, and continues when that has ended', async () => {
    await addMigration(...CONSTRAINT);
    const long = new pg.Client({ connectionString: test.url });
    await long.connect();
    await long.query('begin; select count(*) from files');
    const migration = migrateDatabase({ url: test.url, folder });
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await expect.poll(() => test.query(waiting)).toHaveLength(1);
    // This query waits behind the migration's statement until that gives up.
    expect(await test.query('select count(*)::int as count from files')).toEqual([{ count: 0 }]);
    await long.query('commit');
    await migration;
    expect(await test.query(`select convalidated from pg_constraint where conname = 'files_etag_check'`)).toEqual([
      { convalidated: true },
    ]);
    await long.end();
  });
});

describe('migrateDatabase', () => {
  it('normalizes the content types of existing files', async () => {
    const test = await createTestDatabase({ migrated: false });
    const folder = await mkdtemp(join(tmpdir(), 'signpost-migrations-'));
    await cp('drizzle', folder, { recursive: true });
    const journal = JSON.parse(await readFile(join(folder, 'meta/_journal.json'), 'utf8'));
    const isThis = ({ tag }: { tag: string }) => tag.endsWith('detected_content_type');
    const entries = journal.entries.slice(0, journal.entries.findIndex(isThis));
    await writeFile(join(folder, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
    await migrateDatabase({ url: test.url, folder });
    const types = ['IMAGE/PNG', 'Text/Plain ;charset=utf-8', 'text/csv; a="B,c"', 'image/png', 'video/MP2T;A=B'];
    for (const type of types) {
      await test.query(`insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
        values (gen_random_uuid(), 'alice', '${type}', 'a', '${type}', 1, 'e', now())`);
    }
    await migrateDatabase({ url: test.url, folder: 'drizzle' });
    expect(await test.query('select object_key as was, content_type as is from files')).toEqual(
      expect.arrayContaining([
        { was: 'IMAGE/PNG', is: 'image/png' },
        { was: 'Text/Plain ;charset=utf-8', is: 'text/plain; charset=utf-8' },
        { was: 'text/csv; a="B,c"', is: 'text/csv; a="B,c"' },
        { was: 'video/MP2T;A=B', is: 'video/mp2t; A=B' },
      ]),
    );
    await rm(folder, { recursive: true });
    await test.drop();
  });

  it('reports a missing folder as such, not as an unavailable database', async () => {
    const test = await createTestDatabase({ migrated: false });
    const migration = migrateDatabase({ url: test.url, folder: 'no-such-folder' });
    await expect(migration).rejects.toThrow('no-such-folder/meta/_journal.json');
    await test.drop();
  });

  it('needs no right to write if there is nothing to do', async () => {
    const test = await createTestDatabase();
    const login = `reader_${randomUUID().replaceAll('-', '')}`;
    await test.query(`create role ${login} login password 'secret'`);
    await test.query(`grant select on signpost_migrations to ${login}`);
    const url = Object.assign(new URL(test.url), { username: login, password: 'secret' }).href;
    await migrateDatabase({ url, folder: 'drizzle' });
    await test.query(`drop owned by ${login}`);
    await test.query(`drop role ${login}`);
    await test.drop();
  });

  it('throws database-unavailable if nothing listens', async () => {
    const migration = migrateDatabase({ url: 'postgres://u:p@127.0.0.1:1/db', folder: 'drizzle' });
    await expect(migration).rejects.toMatchObject({ code: 'database-unavailable' });
  });

  it("connects to Neon's direct host, since its pooler keeps no session", async () => {
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
