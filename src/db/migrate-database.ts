import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import * as z from 'zod';
import { Problem, unavailable } from '../contract/errors.ts';
import { appliedMigrations, createNotes, lastApplied, noteMigration, pendingMigrations } from './applied-migrations.ts';
import { connectDatabase, type Database, isNeonHost } from './connect-database.ts';
import type { DatabaseDriver, DatabaseSource } from './open-pool.ts';
import { type Db, driverErrorOf, isLockTimeout, meansUnavailable, rowsOf, sqlState } from './query-database.ts';
import { type Migration, readMigrations } from './read-migrations.ts';

const POOL_TOO_SMALL =
  'the pool must allow at least two connections to migrate: or set DATABASE_DIRECT_URL, or set ' +
  'MIGRATE_ON_START=false and run signpost migrate before';

const NAMES_OF_ANOTHER =
  'a name that it needs is in use. If another application has tables in this schema, give Signpost one of its own: ' +
  'docs/database.md, "A database shared with an app"';

/** Any number, as long as nothing else in the database locks the same one. */
const MIGRATION_LOCK = 7_365_203_847;

/** How long one statement may take: building an index of many million rows can take more than minutes. */
const STATEMENT_TIMEOUT_SECONDS = 3600;

/** How long to wait for another instance that migrates, or for a table that long queries use. */
const WAIT_MS = 60_000;

/** How long a statement waits for a table, since all other queries on the table wait behind it. */
const LOCK_TIMEOUT = sql.raw(`'900ms'`);

/** SQLSTATE of a name that is in use: a table, view, index or sequence, a function, anything else. */
const NAME_TAKEN = /^(42P07|42723|42710)$/;

/**
 * Brings the database to the schema of the migrations. If the schema is up to date, it does nothing and needs no rights
 * to. Safe when many instances start at once: they take turns under an advisory lock (PostgreSQL documentation, section
 * 13.3.5), waiting at most 60 seconds.
 *
 * The lock and all settings belong to a transaction, so it works behind any pooler. Each migration is one transaction,
 * and a failure leaves the database as it was before. A statement that waits for a table's lock blocks every other
 * query on that table: it gives up after 900 ms, and the migration is tried again.
 *
 * A migration whose first line is `-- migrate: statement by statement` is for tables with many rows: it builds an index
 * CONCURRENTLY or adds a constraint NOT VALID and validates it, which is impossible in one transaction or would lock
 * the table until its end. It is committed after each statement, and **must be repeatable from its beginning** after a
 * crash: `DROP INDEX CONCURRENTLY IF EXISTS` before `CREATE INDEX CONCURRENTLY`, `DROP CONSTRAINT IF EXISTS` before
 * `ADD`. Statements with CONCURRENTLY run outside a transaction, each other one in its own transaction with the same
 * limit on waiting for locks. An empty database is migrated the same way.
 *
 * Throws `database-unavailable` as `queryDatabase` does and if its turn does not come in time. If a migration fails, an
 * `Error` names it, with the database's error as its cause; it says so if another application has a table with the name
 * of one of ours.
 */
export async function migrateDatabase({
  driver,
  folder,
  ...source
}: DatabaseSource & {
  driver?: DatabaseDriver | undefined;
  /** Default: the package's own. */
  folder?: string | undefined;
}): Promise<void> {
  const migrations = await readMigrations(folder);
  const database = await connectDatabase({
    ...(source.pool === undefined ? { url: directUrl(source.url) } : source),
    driver,
    queryTimeoutSeconds: STATEMENT_TIMEOUT_SECONDS,
    // One holds the lock while the other runs statements that cannot be in its transaction.
    maxConnections: 2,
  });
  try {
    let waitingSince = performance.now();
    while ((await database.withConnection((db) => pendingMigrations(db, migrations))).length > 0) {
      if (source.pool?.options.max === 1) throw new Error(POOL_TOO_SMALL);
      if (await takeTurn(database, migrations)) waitingSince = performance.now();
      else if (performance.now() - waitingSince > WAIT_MS) {
        throw unavailable('database', new Error('another instance is migrating, or long queries keep a table locked'));
      } else await sleep(200 + 200 * Math.random());
    }
  } finally {
    await database.close();
  }
}

/**
 * @throws `database-unavailable` naming the missing migrations, and as `queryDatabase` does; the driver's error if the
 * login may not read them (`src/db/runtime-rights.ts`).
 */
export async function requireMigrated({ withConnection }: Pick<Database, 'withConnection'>): Promise<void> {
  const { pending } = await withConnection((db) => appliedMigrations(db));
  if (pending.length === 0) return;
  const names = pending.join(', ');
  throw unavailable(
    'database',
    new Error(`the database lacks ${names}, and MIGRATE_ON_START is false: npm run db:migrate`),
  );
}

/**
 * Of the transaction with the lock, whatever the database's default is: at a higher level it would keep its snapshot,
 * and building an index concurrently waits for every older snapshot, so for ever.
 */
const READ_COMMITTED = { isolationLevel: 'read committed' } as const;

/** Runs one step; false while another instance migrates, or a table is locked. */
async function takeTurn(database: Database, migrations: readonly Migration[]): Promise<boolean> {
  try {
    return await database.withConnection((db) =>
      db.transaction(async (tx) => {
        // Polled, because building an index concurrently waits for every running statement, also one that waits for a
        // lock.
        const lock = sql`select pg_try_advisory_xact_lock(${MIGRATION_LOCK}) as locked`;
        const [turn] = await rowsOf(tx, z.object({ locked: z.boolean() }), lock);
        if (turn?.locked !== true) return false;
        await bound(tx);
        if ((await lastApplied(tx)) === null) {
          await createNotes(tx, migrations);
          return true;
        }
        const pending = await pendingMigrations(tx, migrations);
        // One per turn, so that its locks are released before the next one, which may take long.
        const [next] = pending;
        if (next !== undefined) await run(tx, database, next);
        return true;
      }, READ_COMMITTED),
    );
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}

/** Sets the transaction's timeouts: the role's own may be too short for a migration, or missing. */
async function bound(tx: Db): Promise<void> {
  await tx.execute(sql`set local lock_timeout = ${LOCK_TIMEOUT}`);
  await tx.execute(sql`set local statement_timeout = ${sql.raw(`'${STATEMENT_TIMEOUT_SECONDS}s'`)}`);
  await tx.execute(sql`set local idle_in_transaction_session_timeout = 0`);
}

/** @throws an `Error` that names the migration, unless the server is the reason, and not a statement. */
async function run(tx: Db, database: Database, migration: Migration): Promise<void> {
  try {
    if (migration.isStepwise) await runStepwise(database, migration);
    else {
      for (const statement of migration.statements) await tx.execute(sql.raw(statement));
      await noteMigration(tx, migration);
    }
  } catch (error) {
    if (error instanceof Problem || meansUnavailable(error)) throw error;
    const why = NAME_TAKEN.test(sqlState(error) ?? '') ? `: ${NAMES_OF_ANOTHER}` : '';
    throw new Error(`${migration.tag} was not applied${why}`, { cause: driverErrorOf(error) });
  }
}

/** Runs each statement on another connection than the one with the lock; the row at the end records the migration. */
async function runStepwise(database: Database, migration: Migration): Promise<void> {
  for (const statement of migration.statements) {
    if (/\bconcurrently\b/i.test(statement)) {
      await database.withConnection((db) => db.execute(sql.raw(statement)));
    } else await runShort(database, statement);
  }
  await database.withConnection((db) => noteMigration(db, migration));
}

/** Repeats a statement until it gets its locks in time. */
async function runShort(database: Database, statement: string): Promise<void> {
  const since = performance.now();
  for (;;) {
    try {
      return await database.withConnection((db) =>
        db.transaction(async (tx) => {
          await bound(tx);
          await tx.execute(sql.raw(statement));
        }),
      );
    } catch (error) {
      if (!isLockTimeout(error) || performance.now() - since > WAIT_MS) throw error;
      await sleep(500 + 500 * Math.random());
    }
  }
}

/** Neon's pooled host keeps no session between transactions; its direct host does, for hours. */
function directUrl(url: string): string {
  const direct = new URL(url);
  if (isNeonHost(direct.hostname)) direct.hostname = direct.hostname.replace('-pooler.', '.');
  return direct.href;
}
