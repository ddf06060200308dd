import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { neonConfig } from '@neondatabase/serverless';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { grantRuntimeRights } from '../../src/db/runtime-rights.ts';
import type { Check } from '../../src/doctor/check.ts';
import { checkDatabase } from '../../src/doctor/check-database.ts';
import { checkTokenKey } from '../../src/doctor/check-token-key.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { listen } from '../helpers/listen.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function all(checks: AsyncIterable<Check>): Promise<Record<string, Check>> {
  const found: Record<string, Check> = {};
  for await (const check of checks) found[check.name] = check;
  return found;
}

const examine = (url: string) => all(checkDatabase(parseConfig({ DATABASE_URL: url }), url));
const failing = (checks: Record<string, Check>) =>
  Object.values(checks).flatMap(({ name, verdict }) => (verdict === 'ok' ? [] : [`${verdict} ${name}`]));

describe('the doctor, on the database', () => {
  it('finds no failure in a migrated one', async () => {
    const checks = await examine(database.url);
    expect(failing(checks)).toEqual([]);
    expect(Object.keys(checks)).toHaveLength(9);
  });

  it('reports one that does not answer, and why, without the password', async () => {
    const down = new URL(database.url);
    down.port = '9';
    down.password = 'hunter2';
    const checks = await examine(down.href);
    expect(failing(checks)).toEqual(['fail database: answers']);
    expect(checks['database: answers']?.detail).toContain('ECONNREFUSED');
    expect(JSON.stringify(checks)).not.toContain('hunter2');
  });

  it('reports one with another encoding than UTF-8', async () => {
    const name = `latin_${randomUUID()}`;
    await database.query(`create database "${name}" encoding 'LATIN1' locale 'C' template template0`);
    try {
      const checks = await examine(Object.assign(new URL(database.url), { pathname: name }).href);
      expect(checks['database: answers']).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('LATIN1') });
    } finally {
      await database.query(`drop database "${name}" with (force)`);
    }
  });

  it('names the missing migrations, and migrates nothing', async () => {
    const empty = await createTestDatabase({ migrated: false });
    try {
      const checks = await examine(empty.url);
      expect(failing(checks)).toEqual(['warn database: migrations']);
      expect(checks['database: migrations']).toMatchObject({ detail: expect.stringContaining('0000_files, 0001_') });
      expect(checks['database: migrations']?.remedy).toContain('npm run db:migrate');
      expect(await empty.query("select 1 from pg_tables where schemaname in ('public', 'drizzle')")).toEqual([]);
    } finally {
      await empty.drop();
    }
  });

  it('reports a database newer than the program', async () => {
    const newer = await createTestDatabase();
    try {
      await newer.query("insert into signpost_migrations (tag, hash, created_at) values ('x', 'x', 99999999999999)");
      const checks = await examine(newer.url);
      expect(checks['database: migrations']).toMatchObject({
        verdict: 'warn',
        detail: expect.stringContaining('newer'),
      });
    } finally {
      await newer.drop();
    }
  });

  it('names tables without row level security', async () => {
    const open = await createTestDatabase();
    try {
      await open.query('alter table files disable row level security');
      const checks = await examine(open.url);
      expect(failing(checks)).toEqual(['fail database: row level security']);
      expect(checks['database: row level security']).toMatchObject({
        detail: 'off for files',
        remedy: 'ALTER TABLE files ENABLE ROW LEVEL SECURITY;',
      });
    } finally {
      await open.drop();
    }
  });

  it('reports Neon’s answer if it refuses the connection', async () => {
    const server = createServer();
    server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    const { host } = new URL(await listen(server));
    Object.assign(neonConfig, { wsProxy: () => host, useSecureWebSocket: false, pipelineConnect: false });
    const url = 'postgres://u:p@ep-cool-1.eu-central-1.aws.neon.tech/db';
    const checks = await examine(url);
    server.close();
    expect(checks['database: answers']).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('502') });
    expect((await examine(url))['database: answers']?.detail).toContain('ECONNREFUSED');
  });

  it('finds the tables in any schema', async () => {
    const own = await createTestDatabase({ migrated: false });
    try {
      await own.query('create schema sign');
      const url = `${own.url}?options=-c%20search_path%3Dsign`;
      await migrateDatabase({ url });
      expect(failing(await examine(url))).toEqual([]);
      await own.query('alter table sign.files disable row level security');
      expect((await examine(url))['database: row level security']).toMatchObject({ detail: 'off for files' });
    } finally {
      await own.drop();
    }
  });

  it('reports a DATABASE_DIRECT_URL that leads to another database', async () => {
    const other = await createTestDatabase();
    const look = (directUrl: string) =>
      all(checkDatabase(parseConfig({ DATABASE_URL: database.url, DATABASE_DIRECT_URL: directUrl }), database.url));
    expect(failing(await look(other.url))).toEqual(['fail database: DATABASE_DIRECT_URL']);
    expect(failing(await look(`${database.url}?application_name=direct`))).toEqual([]);
    await other.drop();
  });

  it('reports tables whose rows logins of other databases can see', async () => {
    const own = await createTestDatabase();
    try {
      await own.query('grant update on leases to public');
      expect(failing(await examine(own.url))).toEqual(['fail database: logins of other databases']);
      await own.query('revoke update on leases from public');
      await own.query(`alter policy files_own on files using (owner_id = current_setting('signpost.user_id', true))
        with check (owner_id = current_setting('signpost.user_id', true))`);
      expect((await examine(own.url))['database: logins of other databases']).toMatchObject({
        verdict: 'fail',
        detail: expect.stringContaining('files'),
        remedy: expect.stringContaining('REVOKE CONNECT'),
      });
    } finally {
      await own.drop();
    }
  });

  it('warns if users may write columns that they do not need', async () => {
    const own = await createTestDatabase();
    try {
      await own.query('grant update on files to signpost_app');
      expect(failing(await examine(own.url))).toEqual(['warn database: role of the users']);
    } finally {
      await own.drop();
    }
  });

  it('names the users’ missing rights after a restore without roles, and the fix', async () => {
    const own = await createTestDatabase();
    try {
      await own.query('revoke insert on files from signpost_app');
      await own.query('revoke insert (actor_id) on audit_events from signpost_app');
      await own.query('revoke all on own_files from signpost_app');
      const check = (await examine(own.url))['database: role of the users'];
      expect(check).toMatchObject({
        verdict: 'fail',
        detail: 'missing: INSERT on files, SELECT on own_files, INSERT on audit_events',
      });
      await own.query(check?.remedy?.replace(/^.*?GRANT/, 'GRANT') ?? '');
      expect(failing(await examine(own.url))).toEqual([]);
    } finally {
      await own.drop();
    }
  });

  it('fails if migrations are missing and a start does not or may not apply them', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const login = `doctor_${randomUUID().replaceAll('-', '')}`;
    await database.query(`create role ${login} login password 'secret'`);
    try {
      await empty.query(`grant create on database "${empty.name}" to ${login}`);
      await empty.query(`grant create on schema public to ${login}`);
      const url = Object.assign(new URL(empty.url), { username: login, password: 'secret' }).href;
      const look = (env: Record<string, string>) => all(checkDatabase(parseConfig({ DATABASE_URL: url, ...env }), url));
      expect(failing(await look({ MIGRATE_ON_START: 'false' }))).toEqual(['fail database: migrations']);
      const checks = await look({});
      expect(failing(checks)).toEqual(['fail database: rights to migrate', 'warn database: migrations']);
      expect(checks['database: rights to migrate']?.remedy).toContain(`GRANT signpost_app TO ${login};`);
    } finally {
      await empty.drop();
      await database.query(`drop role ${login}`);
    }
  });

  it('names the missing rights of a login, and none after it has been granted them', async () => {
    const login = `doctor_${randomUUID().replaceAll('-', '')}`;
    await database.query(`create role ${login} login password 'secret'`);
    try {
      const url = Object.assign(new URL(database.url), { username: login, password: 'secret' }).href;
      const look = (env: Record<string, string> = {}) =>
        all(checkDatabase(parseConfig({ DATABASE_URL: url, ...env }), url));
      expect(failing(await look())).toEqual(['fail database: rights to migrate', 'fail database: migrations']);
      await database.query(`grant select on signpost_migrations to ${login}`);
      const checks = await look();
      expect(failing(checks)).toEqual([
        'fail database: rights to migrate',
        'fail database: role of the users',
        'fail database: rights to serve',
      ]);
      expect(checks['database: rights to migrate']?.remedy).toContain(`GRANT CREATE ON SCHEMA public TO ${login};`);
      expect(checks['database: role of the users']?.detail).toContain('permission denied');
      expect(checks['database: rights to serve']).toMatchObject({
        detail: expect.stringContaining('DELETE on files, SELECT on audit_events'),
        remedy: expect.stringContaining(`--grant ${login}`),
      });
      await grantRuntimeRights({ url: database.url }, login);
      expect(failing(await look({ MIGRATE_ON_START: 'false' }))).toEqual([]);
      await database.query(`drop policy ${login} on files`);
      expect((await look())['database: rights to serve']).toMatchObject({
        detail: 'row level security hides rows from jobs in: files',
      });
    } finally {
      await database.query(`drop owned by ${login}`);
      await database.query(`drop role ${login}`);
    }
  });
});

describe('the doctor, on the key of the tokens', () => {
  const examineKey = (env: Record<string, string>) => all(checkTokenKey(parseConfig(env), () => new Date()));

  it('accepts a usable secret, and names an unusable algorithm', async () => {
    const env = { JWT_SECRET: 'x'.repeat(40) };
    expect(await examineKey(env)).toMatchObject({ 'tokens: key': { verdict: 'ok' } });
    const wrong = await examineKey({ ...env, JWT_ALGORITHMS: 'RS256' });
    expect(wrong).toMatchObject({
      'tokens: key': { verdict: 'fail', detail: expect.stringContaining('JWT_ALGORITHMS') },
    });
  });

  it.each([
    ['accepts', 'a set', 'ok', 200, { keys: [{ kty: 'RSA' }] }, '1 at JWKS_URL'],
    ['refuses', 'an empty set', 'fail', 200, { keys: [] }, 'the set at JWKS_URL is empty'],
    ['refuses', 'other JSON', 'fail', 200, { issuer: 'https://i.example' }, 'the answer of JWKS_URL is not a JWK Set'],
    ['refuses', 'a 404', 'fail', 404, {}, 'answered with status 404'],
  ])('%s %s from JWKS_URL', async (_act, _name, verdict, status, body, detail) => {
    const server = createServer((_, response) => response.writeHead(status).end(JSON.stringify(body)));
    const url = await listen(server);
    try {
      const checks = await examineKey({ JWKS_URL: `${url}/jwks`, JWT_AUDIENCE: 'signpost' });
      expect(checks['tokens: key']).toMatchObject({ verdict, detail: expect.stringContaining(detail) });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
