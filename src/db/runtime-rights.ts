import { sql } from 'drizzle-orm';
import pg from 'pg';
import { z } from 'zod';
import { connectDatabase, type DatabaseOptions } from './connect-database.ts';
import type { Db } from './open-pool.ts';
import { rowsOf, sqlState } from './query-database.ts';
import { USER_ROLE } from './schema.ts';

/** What the database itself fills is missing: the number, transaction and time of an event. */
const EVENT_COLUMNS = 'actor_id, user_id, action, outcome, file_id, object_key, address, request_id';

/** What requests need, which run as `USER_ROLE`. The migrations grant it; a dump that is restored may have lost it. */
export const USER_RIGHTS: Readonly<Record<string, readonly string[]>> = {
  files: [
    'SELECT',
    'INSERT',
    'UPDATE (status, file_name, record_id, document_type, metadata, deleted_at, object_removed_at)',
  ],
  own_files: ['SELECT'],
  file_usage: ['SELECT'],
  audit_events: ['SELECT', `INSERT (${EVENT_COLUMNS})`],
};

/**
 * What a login needs on each table, that runs the service and does not own the tables: for jobs, for the admins' audit
 * log, and for looking at the migrations.
 */
export const RUNTIME_RIGHTS: Readonly<Record<string, readonly string[]>> = {
  files: ['SELECT', 'INSERT', 'UPDATE (object_removed_at)', 'DELETE'],
  file_usage: [],
  audit_events: ['SELECT', `INSERT (${EVENT_COLUMNS})`],
  audit_seals: ['SELECT', 'INSERT'],
  sweeps: ['SELECT', 'INSERT', 'UPDATE'],
  leases: ['SELECT', 'INSERT', 'UPDATE'],
  marker_words: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
};

/** Those on which there is a right. */
export function tablesIn(rights: typeof RUNTIME_RIGHTS): string[] {
  return Object.keys(rights).filter((table) => rights[table]?.length);
}

/** A statement for each table. */
export function tableGrants(rights: typeof RUNTIME_RIGHTS, grantee: string): string[] {
  return tablesIn(rights).map((table) => `GRANT ${rights[table]?.join(', ')} ON ${table} TO ${grantee}`);
}

/**
 * The statements that give a login these rights, for the tables' owner to run. Row level security lets it see every row
 * by a policy of its own name, since it is not the owner. It gets no right to create or change a table, and none to
 * give rights.
 * @param hasPolicy says of a table that its policy is there.
 */
export function grantStatements(role: string, hasPolicy = (_table: string) => false): string[] {
  const to = pg.escapeIdentifier(role);
  return [
    ...tableGrants(RUNTIME_RIGHTS, to),
    `GRANT USAGE ON SCHEMA drizzle TO ${to}`,
    `GRANT SELECT ON drizzle.__drizzle_migrations TO ${to}`,
    ...tablesIn(RUNTIME_RIGHTS).flatMap((table) =>
      hasPolicy(table) ? [] : [`CREATE POLICY ${to} ON ${table} TO ${to} USING (true) WITH CHECK (true)`],
    ),
  ];
}

/**
 * Gives a login what it needs to run the service, or nothing when something of it is refused; as often as one likes,
 * and after each migration. A policy that is new locks its table for a moment: it waits 900 ms at most for long
 * queries.
 * @throws {Error} saying what an administrator has to run, where the owner may not; the driver's for a role that does
 * not exist; `database-unavailable`, also when a table is locked.
 */
export async function grantRuntimeRights(
  options: Pick<DatabaseOptions, 'url' | 'driver'>,
  role: string,
): Promise<void> {
  const database = connectDatabase({ ...options, maxConnections: 1 });
  try {
    await database.withConnection((db) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`set local lock_timeout = '900ms'`);
        await join(tx, role);
        const policies = sql`select polrelid::regclass::text as name from pg_policy where polname = ${role}`;
        const known = (await rowsOf(tx, z.object({ name: z.string() }), policies)).map(({ name }) => name);
        for (const statement of grantStatements(role, (table) => known.includes(table))) {
          await tx.execute(sql.raw(statement));
        }
      }),
    );
  } finally {
    await database.close();
  }
}

/**
 * Membership in the users' role, and the schema of the tables: often given already, and not always the owner's to give.
 */
async function join(tx: Db, role: string): Promise<void> {
  const row = z.object({ is_member: z.boolean(), schema: z.string(), has_schema: z.boolean() });
  const query = sql`select pg_has_role(${role}, ${USER_ROLE}, 'MEMBER') as is_member, current_schema() as schema,
    has_schema_privilege(${role}, current_schema(), 'USAGE') as has_schema`;
  const [known] = await rowsOf(tx, row, query);
  const missing = [
    ...(known?.is_member ? [] : [`GRANT ${USER_ROLE} TO ${pg.escapeIdentifier(role)}`]),
    ...(known?.has_schema
      ? []
      : [`GRANT USAGE ON SCHEMA ${pg.escapeIdentifier(known?.schema ?? 'public')} TO ${pg.escapeIdentifier(role)}`]),
  ];
  for (const statement of missing) {
    try {
      await tx.execute(sql.raw(statement));
    } catch (error) {
      if (sqlState(error) !== '42501') throw error;
      throw new Error(`this login may not grant that; let an administrator run once: ${statement};`, { cause: error });
    }
  }
}
