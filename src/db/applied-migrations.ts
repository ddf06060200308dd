import { sql } from 'drizzle-orm';
import * as z from 'zod';
import { type Db, rowsOf } from './query-database.ts';
import { type Migration, readMigrations } from './read-migrations.ts';

/**
 * Lists the applied migrations, in the schema of the other tables. Drizzle's own `drizzle.__drizzle_migrations` may
 * be an app's: one database can serve both.
 */
export const MIGRATIONS_TABLE = 'signpost_migrations';

const NOTES = sql.raw(MIGRATIONS_TABLE);

/** The columns of `files` that distinguish our table from another application's. */
const OUR_COLUMNS = sql`('owner_id', 'object_key', 'size_bytes')`;

/** The time (`when`) of the newest applied migration: 0 without any, null without the table. */
export async function lastApplied(db: Db): Promise<number | null> {
  const [there] = await rowsOf(
    db,
    z.object({ exists: z.boolean() }),
    sql`select to_regclass(quote_ident(current_schema()) || '.' || ${MIGRATIONS_TABLE}) is not null as exists`,
  );
  if (there?.exists !== true) return null;
  const query = sql`select coalesce(max(created_at), 0) as at from ${NOTES}`;
  const [last] = await rowsOf(db, z.object({ at: z.coerce.number() }), query);
  return last?.at ?? 0;
}

/** The migrations to apply: those newer than the newest applied one. */
export async function pendingMigrations<M extends Pick<Migration, 'when'>>(
  db: Db,
  migrations: readonly M[],
): Promise<M[]> {
  const lastAt = (await lastApplied(db)) ?? 0;
  return migrations.filter(({ when }) => when > lastAt);
}

/** Compares a database with the migrations: the names of missing ones, and whether the database has later ones. */
export async function appliedMigrations(db: Db) {
  const migrations = await readMigrations();
  const lastAt = (await lastApplied(db)) ?? 0;
  const pending = migrations.filter(({ when }) => when > lastAt).map(({ tag }) => tag);
  return { pending, count: migrations.length, isNewer: migrations.every(({ when }) => when < lastAt) };
}

/**
 * Creates the table, with the migrations that an earlier version applied and noted in Drizzle's table. Every login that
 * may read it sees all rows: an empty list would mean that nothing is applied.
 */
export async function createNotes(tx: Db, migrations: readonly Migration[]): Promise<void> {
  // The instance before may have created it: PostgreSQL's cache of names can be outdated for a moment.
  await tx.execute(sql`create table if not exists ${NOTES} (
    tag text primary key, hash text not null, created_at bigint not null)`);
  await tx.execute(sql`alter table ${NOTES} enable row level security`);
  await tx.execute(sql`drop policy if exists signpost_migrations_read on ${NOTES}`);
  await tx.execute(sql`create policy signpost_migrations_read on ${NOTES} for select using (true)`);
  for (const migration of await appliedBefore(tx, migrations)) await noteMigration(tx, migration);
}

export async function noteMigration(db: Db, { tag, hash, when }: Migration): Promise<void> {
  const row = sql`(tag, hash, created_at) values (${tag}, ${hash}, ${when})`;
  await db.execute(sql`insert into ${NOTES} ${row} on conflict (tag) do nothing`);
}

/**
 * Those of our migrations that Drizzle's table lists, if our tables are in this schema. An app's rows have other
 * hashes. The table is only read: instances of an earlier version that start meanwhile look there.
 */
async function appliedBefore(tx: Db, migrations: readonly Migration[]): Promise<Migration[]> {
  const [found] = await rowsOf(
    tx,
    z.object({ ours: z.boolean() }),
    sql`select (select count(*) from pg_attribute
      where attrelid = to_regclass(quote_ident(current_schema()) || '.files') and attname in ${OUR_COLUMNS}) = 3
      and exists (select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = 'drizzle' and relname = '__drizzle_migrations'
        and has_schema_privilege(pg_namespace.oid, 'usage') and has_table_privilege(pg_class.oid, 'select')) as ours`,
  );
  if (found?.ours !== true) return [];
  const query = sql`select hash from drizzle.__drizzle_migrations`;
  const hashes = (await rowsOf(tx, z.object({ hash: z.string() }), query)).map(({ hash }) => hash);
  return migrations.filter(({ hash }) => hashes.includes(hash));
}
