import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { connectDatabase, type Database, isNeonHost } from '../db/connect-database.ts';
import { queryDatabase } from '../db/query-database.ts';
import { USER_ROLE } from '../db/schema.ts';
import { type Check, fail, ok, unreachable, warn } from './check.ts';
import { reasonOf } from './reason-of.ts';

const MIN_VERSION = 14;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** The tables that hold the rows of users. */
const TABLES = ['files', 'file_usage', 'audit_events'];

/** Whether the database answers, is at the newest schema, and keeps users apart. Reads catalogs, changes nothing. */
export async function* checkDatabase(
  config: Config,
  { url, folder }: { url: string; folder: string },
): AsyncIterable<Check> {
  const { driver } = config.database;
  const database = connectDatabase({ url, driver, maxConnections: 1 });
  try {
    try {
      await database.ping();
    } catch (error) {
      yield unreachable('database: answers', reasonOf(error), 'DATABASE_URL, or the database itself');
      return;
    }
    yield await checkVersion(database);
    yield await checkTls(database, new URL(url).hostname);
    yield await checkRights(database);
    const migrations = await checkMigrations(database, folder);
    yield migrations;
    // What a migration makes cannot be there before it.
    if (migrations.verdict === 'ok') yield* checkRowSecurity(database);
  } finally {
    await database.close();
  }
}

/** The rows of a catalog query, which is text of ours alone. */
async function rowsOf<Row extends z.ZodType>({ db }: Database, row: Row, query: string): Promise<z.infer<Row>[]> {
  const result = await queryDatabase(async () => await db.execute(query));
  return z.object({ rows: z.array(row) }).parse(result).rows;
}

async function checkVersion(database: Database): Promise<Check> {
  const setting = z.object({ server_version: z.string() });
  const [{ server_version: version } = { server_version: '0' }] = await rowsOf(
    database,
    setting,
    'show server_version',
  );
  const name = 'database: answers';
  if (Number.parseInt(version, 10) >= MIN_VERSION) return ok(name, `PostgreSQL ${version}`);
  return fail(name, `PostgreSQL ${version}`, `PostgreSQL ${MIN_VERSION} or newer`);
}

async function checkTls(database: Database, hostname: string): Promise<Check> {
  const name = 'database: TLS';
  if (isNeonHost(hostname)) return ok(name, 'Neon takes nothing else');
  const query = 'select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as ssl';
  const [connection] = await rowsOf(database, z.object({ ssl: z.boolean() }), query);
  if (connection?.ssl) return ok(name, 'on');
  if (LOOPBACK.includes(hostname)) return ok(name, 'off, on this machine');
  return warn(
    name,
    'off: the password and every row cross the network in the clear',
    'DATABASE_URL: ?sslmode=verify-full',
  );
}

async function checkRights(database: Database): Promise<Check> {
  const name = 'database: rights';
  const row = z.object({ role: z.string(), creates: z.boolean(), foreign: z.string().nullable() });
  const [rights] = await rowsOf(
    database,
    row,
    `select quote_ident(current_user) as role,
       has_database_privilege(current_database(), 'CREATE') and has_schema_privilege('public', 'CREATE') as creates,
       (select string_agg(relname, ', ') from pg_class
         where relnamespace = 'public'::regnamespace and relname in (${quoted(TABLES)})
         and not pg_has_role(relowner, 'USAGE')) as foreign`,
  );
  if (rights === undefined || !rights.creates) {
    const grant = `GRANT CREATE ON DATABASE … TO ${rights?.role}; GRANT CREATE ON SCHEMA public TO ${rights?.role};`;
    return fail(name, 'the login may not create schemas or tables, as migrations at start must', grant);
  }
  if (rights.foreign === null) return ok(name, 'the login may create and alter');
  return fail(name, `tables of another owner: ${rights.foreign}`, `ALTER TABLE … OWNER TO ${rights.role};`);
}

async function checkMigrations(database: Database, folder: string): Promise<Check> {
  const name = 'database: migrations';
  const journal = z
    .object({ entries: z.array(z.object({ when: z.number(), tag: z.string() })) })
    .parse(JSON.parse(await readFile(join(folder, 'meta/_journal.json'), 'utf8')));
  const table = z.object({ exists: z.boolean() });
  const there = `select to_regclass('drizzle.__drizzle_migrations') is not null as exists`;
  const [{ exists } = { exists: false }] = await rowsOf(database, table, there);
  const query = 'select created_at::text as at from drizzle.__drizzle_migrations order by created_at desc limit 1';
  const [last] = exists ? await rowsOf(database, z.object({ at: z.string() }), query) : [];
  // As Drizzle's migrator does: what is newer than the last one is missing.
  const lastAt = Number(last?.at ?? 0);
  const missing = journal.entries.filter(({ when }) => when > lastAt).map(({ tag }) => tag);
  if (missing.length > 0) return warn(name, `missing: ${missing.join(', ')}`, 'npm run db:migrate, or any start');
  if (journal.entries.every(({ when }) => when < lastAt)) return warn(name, 'the database is newer than this program');
  return ok(name, `all ${journal.entries.length}`);
}

/** Row level security: users' statements run as a role of their own, which the tables' policies hold. */
async function* checkRowSecurity(database: Database): AsyncIterable<Check> {
  const name = 'database: role of the users';
  const role = z.object({ unbound: z.boolean() });
  const [found] = await rowsOf(
    database,
    role,
    `select rolsuper or rolbypassrls or rolcanlogin as unbound from pg_roles where rolname = '${USER_ROLE}'`,
  );
  if (found === undefined) yield fail(name, `there is no role ${USER_ROLE}`, 'npm run db:migrate');
  else if (found.unbound) {
    const alter = `ALTER ROLE ${USER_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;`;
    yield fail(name, `${USER_ROLE} may log in, or is above row level security`, alter);
  } else {
    try {
      // Within this one statement's transaction only.
      await rowsOf(database, z.unknown(), `select set_config('role', '${USER_ROLE}', true)`);
      yield ok(name, `the login may act as ${USER_ROLE}`);
    } catch (error) {
      yield fail(name, reasonOf(error), `GRANT ${USER_ROLE} TO the login of DATABASE_URL;`);
    }
  }
  const query = `select name from unnest(array[${quoted(TABLES)}]) as name
    where not coalesce((select relrowsecurity from pg_class where oid = to_regclass('public.' || name)), false)`;
  const open = await rowsOf(database, z.object({ name: z.string() }), query);
  const names = open.map((table) => table.name);
  const alters = names.map((table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;`).join(' ');
  yield names.length === 0
    ? ok('database: row level security', `on for ${TABLES.join(', ')}`)
    : fail('database: row level security', `off for ${names.join(', ')}`, alters);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
