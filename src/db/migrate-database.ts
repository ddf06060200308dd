import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { unavailable } from '../contract/errors.ts';
import { connectDatabase, type Database, isNeonHost } from './connect-database.ts';
import type { DatabaseDriver, Db } from './open-pool.ts';
import { isLockTimeout, rowsOf } from './query-database.ts';
import {
  APPLIED,
  appliedMigrations,
  lastApplied,
  type Migration,
  pendingMigrations,
  readMigrations,
} from './read-migrations.ts';

/** Any number, as long as nothing else in the database locks the same one. */
const MIGRATION_LOCK = 7_365_203_847;

/** How long one statement may take: an index of many million rows is not built in minutes. */
const STATEMENT_TIMEOUT_SECONDS = 3600;

/** How long to wait for another instance that is migrating, or for a table that long queries use. */
const WAIT_MS = 60_000;

/** How long everybody else may have to wait behind a statement that waits for a table. */
const LOCK_TIMEOUT = sql.raw(`'900ms'`);

/**
 * Brings the database to the schema of the SQL files in `folder` (what `drizzle-kit generate` wrote). Does nothing, and
 * needs no right to, when it is there already. Safe when many instances start at once: they take turns under an
 * advisory lock (PostgreSQL documentation, section 13.3.5), waiting at most 60 seconds.
 *
 * The lock and all settings are a transaction's, so any pooler will do. Each migration is one transaction, and a
 * failure leaves the database as it was before it. What waits for a table's lock makes every other query on that table
 * wait behind it: it gives up after 900 ms, and the migration is tried again.
 *
 * A migration whose first line is `-- migrate: statement by statement` is for tables with many rows: an index that is
 * built CONCURRENTLY, a constraint NOT VALID that is then validated, which cannot be in one transaction or would keep
 * the table locked to its end. It is committed after each statement, and **must bear to be repeated from its
 * beginning** after a crash: `DROP INDEX CONCURRENTLY IF EXISTS` before `CREATE INDEX CONCURRENTLY`, `DROP CONSTRAINT
 * IF EXISTS` before `ADD`. Statements with CONCURRENTLY run by themselves, the others each in a transaction with the
 * same bound on locks. A database that has no such table yet is migrated the same way.
 *
 * Throws `database-unavailable` as `queryDatabase` does and when its turn does not come, and Drizzle's error for a
 * migration that fails.
 */
export async function migrateDatabase({
  url,
  driver,
  folder,
}: {
  url: string;
  driver?: DatabaseDriver | undefined;
  folder: string;
}): Promise<void> {
  const migrations = await readMigrations(folder);
  const database = connectDatabase({
    ...{ url: directUrl(url), driver, queryTimeoutSeconds: STATEMENT_TIMEOUT_SECONDS },
    // One holds the lock while the other runs what cannot be in its transaction.
    maxConnections: 2,
  });
  try {
    let waitingSince = performance.now();
    while ((await database.withConnection((db) => pendingMigrations(db, migrations))).length > 0) {
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
 * @throws `database-unavailable` naming the migrations that the database lacks, and as `queryDatabase` does; the
 * driver's error where the login may not look (`src/db/runtime-rights.ts`).
 */
export async function requireMigrated(
  { withConnection }: Pick<Database, 'withConnection'>,
  folder: string,
): Promise<void> {
  const { pending } = await withConnection((db) => appliedMigrations(db, folder));
  if (pending.length === 0) return;
  const names = pending.join(', ');
  throw unavailable(
    'database',
    new Error(`the database lacks ${names}, and MIGRATE_ON_START is false: npm run db:migrate`),
  );
}

/** Whether something was done: false while another instance migrates, or a table is locked. */
async function takeTurn(database: Database, migrations: readonly Migration[]): Promise<boolean> {
  try {
    return await database.withConnection((db) =>
      db.transaction(async (tx) => {
        // Asked again and again, not waited for: building an index concurrently waits for every running statement.
        const lock = sql`select pg_try_advisory_xact_lock(${MIGRATION_LOCK}) as locked`;
        const [turn] = await rowsOf(tx, z.object({ locked: z.boolean() }), lock);
        if (turn?.locked !== true) return false;
        await bound(tx);
        if ((await lastApplied(tx)) === null) {
          // Whoever had the turn before may have made them: what PostgreSQL remembers of names is a moment behind.
          await tx.execute(sql`create schema if not exists drizzle`);
          const columns = sql`id serial primary key, hash text not null, created_at bigint`;
          await tx.execute(sql`create table if not exists ${APPLIED} (${columns})`);
          return true;
        }
        const pending = await pendingMigrations(tx, migrations);
        // One a turn: what it locks is free before the next one begins, which may take long.
        const [next] = pending;
        if (next?.isStepwise) await runStepwise(database, next);
        else if (next !== undefined) await run(tx, next);
        return true;
      }),
    );
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}

/** Settings of the transaction that runs; the role's own may be too strict for a migration, or have no end. */
async function bound(tx: Db): Promise<void> {
  await tx.execute(sql`set local lock_timeout = ${LOCK_TIMEOUT}`);
  await tx.execute(sql`set local statement_timeout = ${sql.raw(`'${STATEMENT_TIMEOUT_SECONDS}s'`)}`);
  await tx.execute(sql`set local idle_in_transaction_session_timeout = 0`);
}

async function run(tx: Db, { statements, hash, when }: Migration): Promise<void> {
  for (const statement of statements) await tx.execute(sql.raw(statement));
  await tx.execute(sql`insert into ${APPLIED} (hash, created_at) values (${hash}, ${when})`);
}

/** Each statement on a connection beside the one that holds the lock; the last line notes that all are done. */
async function runStepwise(database: Database, { statements, hash, when }: Migration): Promise<void> {
  for (const statement of statements) {
    if (/\bconcurrently\b/i.test(statement)) {
      await database.withConnection((db) => db.execute(sql.raw(statement)));
    } else await runShort(database, statement);
  }
  const note = sql`insert into ${APPLIED} (hash, created_at) values (${hash}, ${when})`;
  await database.withConnection((db) => db.execute(note));
}

/** Again and again, until it gets its locks in time. */
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

/** Neon's pooled host hands a session on after each transaction; its direct host does not, and bears hours. */
function directUrl(url: string): string {
  const direct = new URL(url);
  if (isNeonHost(direct.hostname)) direct.hostname = direct.hostname.replace('-pooler.', '.');
  return direct.href;
}
