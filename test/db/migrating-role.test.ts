import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealAuditLog } from '../../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../../src/audit/verify-audit-log.ts';
import { connectDatabase } from '../../src/db/connect-database.ts';
import { createFileQueries } from '../../src/db/create-file-queries.ts';
import { createSealQueries } from '../../src/db/create-seal-queries.ts';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { startEmbeddedPostgres } from '../../src/local/embedded-postgres/start-embedded-postgres.ts';
import { describeError } from '../../src/start/run.ts';
import { newFile } from '../helpers/new-file.ts';

/** A cluster of its own, because roles belong to the whole cluster. The tests depend on their order: first it has no role of ours. */
let directory: string;
let cluster: { url: string; stop(): Promise<void> };
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signpost-roles-'));
  cluster = await startEmbeddedPostgres({ directory });
});
afterAll(async () => {
  await cluster.stop();
  await rm(directory, { recursive: true });
});

/** The rows of the last statement. */
async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return [await client.query(statement)].flat().at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

/** A role that owns a database and is not a superuser, as on hosted PostgreSQL. */
async function createOwner(name: string, rights: string): Promise<string> {
  await query(cluster.url, `create role ${name} login password 'secret' ${rights}`);
  await query(cluster.url, `create database ${name} owner ${name}`);
  const url = new URL(cluster.url);
  Object.assign(url, { username: name, password: 'secret', pathname: name });
  return url.href;
}

const migrate = (url: string) => migrateDatabase({ url, folder: 'drizzle' });

/** Everything that the service does in the database and needs rights for. */
async function expectToServe(url: string): Promise<void> {
  const database = await connectDatabase({ url });
  try {
    const files = createFileQueries(database, { bytes: 10, files: null });
    const act = { actorId: 'alice', action: 'upload.confirm', address: null, requestId: 'r' } as const;
    expect(await files.insert(newFile({ sizeBytes: 7 }), act)).toMatchObject({ status: 'active' });
    await expect(files.insert(newFile({ sizeBytes: 7 }), act)).rejects.toMatchObject({
      code: 'quota-exceeded',
      message: 'you have 7 of 10 bytes, and this would be 7 more',
    });
    expect(await files.usage('alice')).toMatchObject({ sizeBytes: 7, files: 1 });
    expect(await files.usage('bob')).toEqual({ sizeBytes: 0, files: 0 });
    const services = { sealQueries: createSealQueries(database), now: () => new Date() };
    expect(await sealAuditLog(services)).toMatchObject({ sealed: 1 });
    expect(await verifyAuditLog(services)).toMatchObject({ broken: [], sealed: 1, unsealed: 0 });
  } finally {
    await database.close();
  }
}

describe('a login that may not create roles', () => {
  it('gets an error with what an administrator must run once, and then migrates', async () => {
    const url = await createOwner('modest', '');
    const remedy = 'CREATE ROLE signpost_app NOLOGIN NOINHERIT NOBYPASSRLS; GRANT signpost_app TO modest';
    const error = await migrate(url).catch((thrown: unknown) => thrown);
    const because = 'this login may not create roles; let an administrator run once';
    expect(describeError(error)).toBe(`0002_life_of_files was not applied\n  because: ${because}: ${remedy}`);
    expect(await query(url, `select to_regclass('audit_events') as events`)).toEqual([{ events: null }]);
    await query(cluster.url, remedy);
    await migrate(url);
    await expectToServe(url);
    await query(cluster.url, 'drop database modest with (force)');
    await query(cluster.url, 'drop role signpost_app');
  });
});

describe('a login that may create roles and is not a superuser', () => {
  let url: string;
  beforeAll(async () => {
    url = await createOwner('hosted', 'createrole');
    await migrate(url);
  });

  it('migrates, serves, seals and verifies', () => expectToServe(url));

  it('migrates a second database of the same cluster', async () => {
    await query(cluster.url, 'create database hosted_second owner hosted');
    const second = new URL(url);
    second.pathname = 'hosted_second';
    await migrate(second.href);
    await expectToServe(second.href);
  });

  it.each([
    'update audit_events set outcome = outcome',
    'delete from audit_events',
    'truncate audit_events',
    'update audit_seals set hash = hash',
    'delete from audit_seals',
    'truncate audit_seals',
  ])('may not: %s', async (statement) => {
    await expect(query(url, statement)).rejects.toMatchObject({ code: '42501' });
  });

  it('cannot change the log or read its seals when it acts for a user', async () => {
    const asAlice = `begin; set local role signpost_app; select set_config('signpost.user_id', 'alice', true); `;
    await expect(query(url, `${asAlice} delete from audit_events`)).rejects.toMatchObject({ code: '42501' });
    await expect(query(url, `${asAlice} select * from audit_seals`)).rejects.toMatchObject({ code: '42501' });
  });

  it('gets an error that says what to do if another login has created the role', async () => {
    const stranger = await createOwner('stranger', 'createrole');
    await expect(migrate(stranger)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('GRANT signpost_app TO stranger') },
    });
    await query(cluster.url, 'grant signpost_app to stranger');
    await migrate(stranger);
    await expectToServe(stranger);
  });
});

describe('two databases of one cluster, each with its own login', () => {
  const asAlice = `begin; set local role signpost_app; select set_config('signpost.user_id', 'alice', true); `;

  it("hide their rows from the other's login, though both may act as the users' role", async () => {
    const production = await createOwner('production', 'createrole');
    await query(cluster.url, 'grant signpost_app to production');
    await migrate(production);
    await expectToServe(production);
    const staging = await createOwner('staging', 'createrole');
    await query(cluster.url, 'grant signpost_app to staging');
    await migrate(staging);
    await expectToServe(staging);

    const stranger = new URL(staging);
    stranger.pathname = new URL(production).pathname;
    const read = async (url: string) =>
      Promise.all(
        ['files', 'own_files', 'file_usage', 'audit_events'].map(
          async (table) =>
            (await query(url, `set role signpost_app; set signpost.user_id = 'alice'; select * from ${table}`)).length,
        ),
      );
    expect(await read(production)).toEqual([1, 1, 1, 1]);
    expect(await read(stranger.href)).toEqual([0, 0, 0, 0]);
    expect(await query(stranger.href, `${asAlice} update files set status = 'archived' returning id`)).toEqual([]);
    const event = `insert into audit_events (actor_id, user_id, action, outcome, request_id)
      values ('alice', 'alice', 'x', 'ok', 'r')`;
    await expect(query(stranger.href, `${asAlice} ${event}`)).rejects.toMatchObject({ code: '42501' });
    // The condition is checked before a function of the stranger gets a row.
    const peek = `create function pg_temp.peek(name text) returns boolean language plpgsql cost 0.0001 as
      $$ begin raise exception 'seen: %', name; end $$;
      select id from own_files where pg_temp.peek(search_name)`;
    const setUp = `set role signpost_app; set signpost.user_id = 'alice'; `;
    expect(await query(stranger.href, `${setUp} ${peek}`)).toEqual([]);
    await expect(query(production, `${setUp} ${peek}`)).rejects.toThrow('seen: lease.pdf');
  });
});

describe('the trigger that counts usage', () => {
  it('ignores a temporary table of the caller', async () => {
    const url = new URL(cluster.url);
    url.pathname = 'hosted';
    const id = uuidv7();
    await query(
      url.href,
      `begin;
       set local role signpost_app;
       select set_config('signpost.user_id', 'mallory', true), set_config('signpost.quota_bytes', '10', true);
       create temporary table file_usage (owner_id text primary key, size_bytes bigint, files bigint) on commit drop;
       grant all on file_usage to public;
       insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
         values ('${id}', 'mallory', 'k', 'a', 'text/plain', 5, '"e"', now());
       commit`,
    );
    expect(await query(url.href, `select size_bytes::int from file_usage where owner_id = 'mallory'`)).toEqual([
      { size_bytes: 5 },
    ]);
  });
});
