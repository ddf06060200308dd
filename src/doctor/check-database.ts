import * as z from 'zod';
import type { Config } from '../config/config.ts';
import { appliedMigrations } from '../db/applied-migrations.ts';
import { connectDatabase, type Database, isNeonHost } from '../db/connect-database.ts';
import { requireUsableDatabase } from '../db/require-usable-database.ts';
import { USER_ROLE } from '../db/schema.ts';
import { tryNamedStatements } from '../db/try-named-statements.ts';
import { isLoopback } from '../net/is-loopback.ts';
import { reasonOf } from '../net/reason-of.ts';
import { catalogRows } from './catalog-rows.ts';
import { type Check, fail, ok, unreachable, warn } from './check.ts';
import { checkRoles } from './check-roles.ts';

const MIN_VERSION = 14;

/**
 * Checks that the database answers, has the newest schema, keeps users apart, and grants the service what it needs.
 * Reads catalogs and changes nothing.
 */
export async function* checkDatabase(config: Pick<Config, 'database'>, url: string): AsyncIterable<Check> {
  const { driver, prepare, directUrl = url, migrateOnStart } = config.database;
  const database = await connectDatabase({ url, driver, prepare, maxConnections: 1 });
  const direct = await connectDatabase({ url: directUrl, driver, maxConnections: 1 });
  try {
    for (const [name, tried] of [
      ['DATABASE_URL', database],
      ['DATABASE_DIRECT_URL', direct],
    ] as const) {
      try {
        await tried.ping();
      } catch (error) {
        yield unreachable('database: answers', reasonOf(error), `${name}, or the database itself`);
        return;
      }
    }
    yield await checkServer(database);
    yield await checkTls(database, new URL(url).hostname);
    yield await checkPooler(config, url);
    if (directUrl !== url) yield await checkDirect(database, direct);
    if (migrateOnStart) yield await checkOwner(direct);
    const migrations = await checkMigrations(database, migrateOnStart);
    yield migrations;
    // The roles and grants exist only after the migrations.
    if (migrations.verdict === 'ok') yield* checkRoles(database);
  } finally {
    await database.close();
    await direct.close();
  }
}

async function checkServer(database: Database): Promise<Check> {
  const name = 'database: answers';
  const setting = z.object({ server_version: z.string() });
  const [{ server_version: version } = { server_version: '0' }] = await catalogRows(
    database,
    setting,
    'show server_version',
  );
  if (Number.parseInt(version, 10) < MIN_VERSION)
    return fail(name, `PostgreSQL ${version}`, `PostgreSQL ${MIN_VERSION} or newer`);
  const unusable = await requireUsableDatabase(database).then(() => null, reasonOf);
  return unusable === null ? ok(name, `PostgreSQL ${version}`) : fail(name, unusable);
}

async function checkTls(database: Database, hostname: string): Promise<Check> {
  const name = 'database: TLS';
  if (isNeonHost(hostname)) return ok(name, 'Neon accepts only TLS');
  const query = 'select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as ssl';
  const [connection] = await catalogRows(database, z.object({ ssl: z.boolean() }), query);
  if (connection?.ssl) return ok(name, 'on');
  if (isLoopback(hostname)) return ok(name, 'off, on this machine');
  return warn(
    name,
    'off: the password and every row cross the network unencrypted',
    'DATABASE_URL: ?sslmode=verify-full',
  );
}

/** Executes a prepared statement in two transactions, and forces a change of server connection in between. */
async function checkPooler({ database: { driver, prepare } }: Pick<Config, 'database'>, url: string): Promise<Check> {
  const name = 'database: named statements';
  const found = await tryNamedStatements({ url, driver });
  if (found === 'direct') return ok(name, 'kept: each connection stays with its own server process');
  if (found === 'kept') return ok(name, 'kept by a pooler in transaction mode');
  if (!prepare) return ok(name, 'lost by a pooler, but not used: DATABASE_PREPARE=false');
  return fail(
    name,
    'lost by a pooler in transaction mode: requests will fail',
    'DATABASE_PREPARE=false; or PgBouncer 1.21 or newer with max_prepared_statements above 0',
  );
}

async function checkDirect(database: Database, direct: Database): Promise<Check> {
  const name = 'database: DATABASE_DIRECT_URL';
  const query = `select oid::text || ' ' || pg_postmaster_start_time() as id from pg_database
    where datname = current_database()`;
  const [here, there] = await Promise.all(
    [database, direct].map(async (each) => (await catalogRows(each, z.object({ id: z.string() }), query))[0]?.id),
  );
  if (here === there) return ok(name, 'leads to the same database');
  return fail(name, 'leads to another database than DATABASE_URL', 'DATABASE_DIRECT_URL, DATABASE_URL');
}

/** Checks the rights that a start needs to migrate. */
async function checkOwner(database: Database): Promise<Check> {
  const name = 'database: rights to migrate';
  const row = z.object({
    role: z.string(),
    schema: z.string(),
    creates: z.boolean(),
    foreign: z.string().nullable(),
    user_role: z.boolean(),
  });
  const [rights] = await catalogRows(
    database,
    row,
    `select quote_ident(current_user) as role, quote_ident(current_schema()) as schema,
       has_schema_privilege(current_schema(), 'CREATE') as creates,
       (select string_agg(relname, ', ') from pg_class
         where oid in (to_regclass('files'), to_regclass('file_usage'), to_regclass('audit_events'))
         and not pg_has_role(relowner, 'USAGE')) as foreign,
       (select rolsuper or rolcreaterole from pg_roles where rolname = current_user)
         or coalesce((select pg_has_role(oid, 'MEMBER') from pg_roles where rolname = '${USER_ROLE}'), false)
            as user_role`,
  );
  const leave = 'or MIGRATE_ON_START=false, and npm run db:migrate as their owner';
  if (rights === undefined || !rights.creates) {
    const { role, schema } = rights ?? {};
    const grant = `GRANT CREATE ON SCHEMA ${schema} TO ${role};`;
    return fail(name, 'the login may not create tables: a start cannot migrate', `${grant} ${leave}`);
  }
  if (!rights.user_role) {
    const create = `CREATE ROLE ${USER_ROLE} NOLOGIN NOINHERIT NOBYPASSRLS; GRANT ${USER_ROLE} TO ${rights.role};`;
    return fail(name, `the login may not create the role ${USER_ROLE} or act as it`, `as an administrator: ${create}`);
  }
  if (rights.foreign === null) return ok(name, 'the login may create and alter');
  return fail(name, `tables of another role: ${rights.foreign}`, `ALTER TABLE … OWNER TO ${rights.role}; ${leave}`);
}

async function checkMigrations(database: Database, migrateOnStart: boolean): Promise<Check> {
  const name = 'database: migrations';
  try {
    const { pending, count, isNewer } = await database.withConnection((db) => appliedMigrations(db));
    const missing = `missing: ${pending.join(', ')}`;
    // No start migrates then, and the service would wait for ever.
    if (pending.length > 0 && !migrateOnStart) return fail(name, missing, 'npm run db:migrate');
    if (pending.length > 0) return warn(name, missing, 'npm run db:migrate, or any start');
    if (isNewer) return warn(name, 'the database is newer than this program');
    return ok(name, `all ${count}`);
  } catch (error) {
    return fail(name, reasonOf(error), 'npm run db:migrate -- --grant <the login of DATABASE_URL>, as the owner');
  }
}
