import { sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import type { DatabaseDriver } from './connect-database.ts';
import { withSession } from './with-session.ts';

/** Any number, as long as nothing else in the database locks the same one. */
const MIGRATION_LOCK = 7_365_203_847;

/** How long one statement may take: more than the wait for another instance that is migrating. */
const STATEMENT_TIMEOUT_SECONDS = 120;

/**
 * Brings the database to the schema of the SQL files in `folder` (what `drizzle-kit generate` wrote). Does nothing
 * when it is there already. Safe when many instances start at once: they take turns under an advisory lock
 * (PostgreSQL documentation, section 13.3.5), waiting at most 60 seconds, on a connection of their own. All pending
 * migrations are one transaction, so a failure leaves the database as it was.
 *
 * Throws `database-unavailable` as `queryDatabase` does, and Drizzle's error for a migration that fails.
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
  // The lock and the settings belong to the connection's session, and end with it.
  await withSession({ url, driver, queryTimeoutSeconds: STATEMENT_TIMEOUT_SECONDS }, async (db) => {
    await db.execute(sql`set lock_timeout = '60s'`);
    await db.execute(sql`select pg_advisory_lock(${MIGRATION_LOCK})`);
    // A migration that waits for a table's lock makes every other query on that table wait behind it.
    await db.execute(sql`set lock_timeout = '5s'`);
    // Drizzle's `migrate` is the same code for every PostgreSQL driver, only typed for each.
    await migrate(db as NodePgDatabase, { migrationsFolder: folder });
  });
}
