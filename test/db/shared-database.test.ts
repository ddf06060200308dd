import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { createSignpost } from '../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { SECRET, startTestBucket } from '../helpers/test-service.ts';

let test: TestDatabase;
beforeEach(async () => {
  test = await createTestDatabase({ migrated: false });
});
afterEach(() => test.drop());

const migrate = (url = test.url) => migrateDatabase({ url, folder: 'drizzle' });
const noted = async () =>
  (await test.query('select tag from signpost_migrations order by created_at')).map((n) => n.tag);
const tagsOf = async (folder: string): Promise<string[]> =>
  JSON.parse(await readFile(join(folder, 'meta/_journal.json'), 'utf8')).entries.map(({ tag }: { tag: string }) => tag);

/** Drizzle's table of migrations, as an app's own migrator leaves it: newer than any of ours. */
async function migrateApp(): Promise<void> {
  await test.query(`create schema drizzle;
    create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint);
    insert into drizzle.__drizzle_migrations (hash, created_at) values ('of the app', 99999999999999);
    create table documents (id int primary key)`);
}
const ofTheApp = () => test.query('select hash from drizzle.__drizzle_migrations order by id');

/** Turns the database into one of version 0.1.0, which noted its migrations in Drizzle's table. */
async function noteAsBefore(): Promise<void> {
  await test.query(`create schema if not exists drizzle;
    create table if not exists drizzle.__drizzle_migrations
      (id serial primary key, hash text not null, created_at bigint);
    insert into drizzle.__drizzle_migrations (hash, created_at)
      select hash, created_at from signpost_migrations order by created_at;
    drop table signpost_migrations`);
}

/** The first migrations only. */
async function migrateFirst(count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'signpost-migrations-'));
  await cp('drizzle', folder, { recursive: true });
  const path = join(folder, 'meta/_journal.json');
  const journal = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }));
  await migrateDatabase({ url: test.url, folder });
  await rm(folder, { recursive: true });
}

describe('the database of an app that uses Drizzle', () => {
  it('gets all our migrations, and its own list stays as it is', async () => {
    await migrateApp();
    await migrate();
    expect(await noted()).toEqual(await tagsOf('drizzle'));
    expect(await ofTheApp()).toEqual([{ hash: 'of the app' }]);
    expect(await test.query('select count(*)::int as files from files')).toEqual([{ files: 0 }]);
  });

  it('may belong to another login, which lets ours not look', async () => {
    await migrateApp();
    const login = test.name.replaceAll('-', '_');
    await test.query(
      `create role ${login} login createrole password 'secret'; grant create on schema public to ${login}`,
    );
    await test.query(`do $$ begin if exists (select from pg_roles where rolname = 'signpost_app')
      then grant signpost_app to ${login}; end if; end $$`);
    await migrate(Object.assign(new URL(test.url), { username: login, password: 'secret' }).href);
    expect(await noted()).toEqual(await tagsOf('drizzle'));
    await test.query(`drop owned by ${login} cascade; drop role ${login}`);
  });
});

describe("a database that noted its migrations in Drizzle's table", () => {
  it('keeps its rows, and is not migrated twice', async () => {
    await migrate();
    await test.query(`insert into file_usage values ('alice', 1, 1)`);
    await noteAsBefore();
    const before = await ofTheApp();
    await Promise.all([migrate(), migrate(), migrate()]);
    expect(await noted()).toEqual(await tagsOf('drizzle'));
    expect(await test.query('select owner_id from file_usage')).toEqual([{ owner_id: 'alice' }]);
    // Instances of that version may still start, and look there.
    expect(await ofTheApp()).toEqual(before);
  });

  it('gets the migrations that it lacks, also among those of an app', async () => {
    await migrateApp();
    await migrateFirst(6);
    await noteAsBefore();
    await migrate();
    expect(await noted()).toEqual(await tagsOf('drizzle'));
    expect(await test.query(`select to_regclass('leases')::text as leases`)).toEqual([{ leases: 'leases' }]);
    expect((await ofTheApp()).length).toBe(7);
  });

  it('is distinguished from another schema of the same database', async () => {
    await migrate();
    await noteAsBefore();
    await test.query('create schema second');
    await migrate(`${test.url}?options=-c%20search_path%3Dsecond`);
    expect(await test.query('select count(*)::int as count from second.files')).toEqual([{ count: 0 }]);
  });
});

describe('an app with a table `files`', () => {
  const itsFiles = () => test.query('select * from public.files');
  beforeEach(() => test.query(`create table files (id int, note text); insert into files values (1, 'of the app')`));

  it('is an error that says what to do, and the table stays as it is', async () => {
    await expect(migrate()).rejects.toMatchObject({
      message: expect.stringMatching(/^0000_files was not applied: a name .* in use.*give Signpost one of its own/),
      cause: { message: 'relation "files" already exists' },
    });
    expect(await itsFiles()).toEqual([{ id: 1, note: 'of the app' }]);
    expect(await noted()).toEqual([]);
  });

  it('makes the first call of the library fail with that error', async () => {
    const bucket = await startTestBucket();
    const logger = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
    const signpost = createSignpost({ logger, database: test.url, settings: { ...bucket.env, JWT_SECRET: SECRET } });
    await expect(signpost.ready()).rejects.toThrow(/0000_files was not applied/);
    await signpost.close();
    await bucket.close();
  });

  it('has room for Signpost in a schema of its own', async () => {
    const login = `s${test.name.slice(-12)}`;
    const [, section = ''] = (await readFile('docs/database.md', 'utf8')).split('## A database shared with an app');
    const [, statements = ''] = section.split(/```(?:sql)?\n/);
    await test.query(statements.replaceAll('signpost', login).replace('…', 'secret'));
    // Another database's migrations may have made the role, which belongs to the cluster.
    await test.query(`grant signpost_app to ${login}`);
    const bucket = await startTestBucket();
    const url = Object.assign(new URL(test.url), { username: login, password: 'secret' }).href;
    const signpost = createSignpost({ database: url, settings: { ...bucket.env, JWT_SECRET: SECRET } });
    const ada = { userId: 'ada' };
    const upload = await signpost.presignUpload(ada, { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    if (upload.method !== 'PUT') throw new Error('a PUT is for small files');
    await fetch(upload.presignedUrl, { method: 'PUT', headers: upload.headers, body: 'hello' });
    const { fileId } = await signpost.confirmUpload(ada, { objectKey: upload.objectKey });
    expect(await signpost.files.usage(ada)).toMatchObject({ files: 1, bytes: 5 });
    await signpost.close();
    await bucket.close();
    expect(await test.query(`select id from ${login}.files`)).toEqual([{ id: fileId }]);
    expect(await itsFiles()).toEqual([{ id: 1, note: 'of the app' }]);
    await test.query(`drop owned by ${login} cascade; drop role ${login}`);
  });
});
