import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { createFileQueries } from '../../src/db/create-file-queries.ts';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { type Closers, openDatabase } from '../../src/start/open-database.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';

let closers: Closers;
let logs: { level: string; message: string; fields: Record<string, unknown> }[];
beforeEach(() => {
  closers = [];
  logs = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function open(env: Record<string, string>) {
  const log = (level: string) => (fields: Record<string, unknown>, message: string) => {
    logs.push({ level, message, fields });
  };
  const logger = { info: log('info'), warn: log('warn'), error: log('error') };
  return openDatabase(parseConfig(env), logger, closers);
}

const UNAVAILABLE = { code: 'database-unavailable' };

describe('a database at start', () => {
  it('is migrated when it comes back, first the server, then the database', async () => {
    const name = `later_${randomUUID()}`;
    const relay = await startRelay(inject('postgresUrl'));
    closers.push(relay.goAway);
    await relay.goAway();
    const server = await createTestDatabase();
    closers.push(server.drop);
    const { database } = await open({ DATABASE_URL: Object.assign(new URL(relay.url), { pathname: name }).href });
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
    await relay.comeBack();
    await expect.poll(() => JSON.stringify(logs.at(-1)?.fields.err)).toContain('3D000');
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
    await server.query(`create database "${name}"`);
    closers.push(async () => void (await server.query(`drop database "${name}" with (force)`)));
    await expect.poll(() => database.ping()).toBeUndefined();
    expect(new Set(logs.map(({ message }) => message))).toEqual(new Set(['the database is not ready; retrying']));
    const pauses = logs.map(({ fields }) => Number(fields.inSeconds));
    expect(pauses).toEqual(pauses.map((_, n) => 0.5 * 2 ** n));
  });

  it.each([
    ['datestyle', 'German, DMY', 'ISO'],
    ['row_security', 'off', 'on'],
    ['session_replication_role', 'replica', 'origin'],
    ['standard_conforming_strings', 'off', 'on'],
  ])('is refused with a clear error if it has the %s %s', async (setting, value, needed) => {
    const test = await createTestDatabase();
    closers.push(test.drop);
    await test.query(`alter database "${test.name}" set ${setting} = '${value}'`);
    await expect(open({ DATABASE_URL: test.url })).rejects.toThrow(`SET ${setting} = '${needed}'`);
  });

  it.each(['LATIN1', 'SQL_ASCII'])('is refused with a clear error if its encoding is %s', async (encoding) => {
    const server = await createTestDatabase({ migrated: false });
    closers.push(server.drop);
    const name = `${encoding}_${randomUUID()}`;
    await server.query(`create database "${name}" encoding '${encoding}' locale 'C' template template0`);
    closers.push(async () => void (await server.query(`drop database "${name}" with (force)`)));
    const url = Object.assign(new URL(server.url), { pathname: name }).href;
    await expect(open({ DATABASE_URL: url })).rejects.toThrow(`the encoding ${encoding}, and must have UTF8`);
  });

  it('is not migrated with MIGRATE_ON_START=false, and is ready after db:migrate', async () => {
    const test = await createTestDatabase({ migrated: false });
    closers.push(test.drop);
    const { database, exclusively } = await open({ DATABASE_URL: test.url, MIGRATE_ON_START: 'false' });
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
    expect(logs[0]?.fields.err).toMatchObject({ message: expect.stringContaining('npm run db:migrate') });
    expect(await test.query(`select to_regclass('files') as files`)).toEqual([{ files: null }]);
    await migrateDatabase({ url: test.url, folder: 'drizzle' });
    await expect.poll(() => database.ping()).toBeUndefined();
    expect(await exclusively('a test', async () => 'done')).toBe('done');
  });

  it('is unavailable, not broken, while it lacks what a newer version needs', async () => {
    const test = await createTestDatabase();
    closers.push(test.drop);
    await test.query(`alter table files drop column sse_key_id cascade`);
    await test.query(`delete from signpost_migrations where tag >= '0016'`);
    const { database } = await open({ DATABASE_URL: test.url, MIGRATE_ON_START: 'false' });
    const files = createFileQueries(database, { bytes: null, files: null });
    const file = { id: randomUUID(), ownerId: 'alice' };
    await expect(files.findAny(file)).rejects.toMatchObject({ ...UNAVAILABLE, cause: { cause: { code: '42703' } } });
    await test.query('alter table files add column sse_key_id text');
    await test.query(`insert into signpost_migrations values ('9999_done', '', 9999999999999)`);
    await expect.poll(() => database.ping()).toBeUndefined();
    expect(await files.findAny(file)).toBeNull();
  });

  it('is migrated at DATABASE_DIRECT_URL, and used at DATABASE_URL', async () => {
    const test = await createTestDatabase({ migrated: false });
    closers.push(test.drop);
    const pooled = await startRelay(test.url);
    closers.push(pooled.goAway);
    await pooled.goAway();
    const { database } = await open({ DATABASE_URL: pooled.url, DATABASE_DIRECT_URL: test.url });
    expect(await test.query(`select to_regclass('files')::text as files`)).toEqual([{ files: 'files' }]);
    await expect(database.ping()).rejects.toMatchObject(UNAVAILABLE);
    await pooled.comeBack();
    await database.ping();
  });

  it('makes the start fail if it refuses the login', async () => {
    const test = await createTestDatabase();
    closers.push(test.drop);
    const url = Object.assign(new URL(test.url), { username: 'nobody_of_that_name', password: 'wrong' }).href;
    await expect(open({ DATABASE_URL: url })).rejects.toMatchObject(UNAVAILABLE);
  });
});
