import { sql } from 'drizzle-orm';
import pg from 'pg';
import * as z from 'zod';
import { MIGRATIONS_TABLE } from './applied-migrations.ts';
import { connectDatabase, type DatabaseOptions } from './connect-database.ts';
import { type Db, rowsOf, sqlState } from './query-database.ts';
import { USER_ROLE } from './schema.ts';

/** Without the columns that the database fills: `id`, `xid` and `at`. */
const EVENT_COLUMNS = 'actor_id, user_id, action, outcome, file_id, object_key, address, request_id, sent_bytes';

/** Without the columns of the delivery. */
const WEBHOOK_COLUMNS = 'type, owner_id, file_id, file';

/** The rights of requests, which run as `USER_ROLE`. The migrations grant them; a restored dump may have lost them. */
export const USER_RIGHTS: Readonly<Record<string, readonly string[]>> = {
  files: [
    'SELECT',
    'INSERT',
    'UPDATE (status, file_name, record_id, document_type, metadata, encryption, verdict, ' +
      'deleted_at, object_removed_at)',
  ],
  own_files: ['SELECT'],
  file_usage: ['SELECT'],
  audit_events: ['SELECT', `INSERT (${EVENT_COLUMNS})`],
  webhook_messages: [`INSERT (${WEBHOOK_COLUMNS})`],
};

/**
 * The rights on each table for a login that runs the service without owning the tables: for jobs, the admins' audit
 * log, and reading the migrations.
 */
export const RUNTIME_RIGHTS: Readonly<Record<string, readonly string[]>> = {
  files: ['SELECT', 'INSERT', 'UPDATE (object_removed_at)', 'DELETE'],
  file_usage: [],
  audit_events: ['SELECT', `INSERT (${EVENT_COLUMNS})`],
  audit_seals: ['SELECT', 'INSERT'],
  sweeps: ['SELECT', 'INSERT', 'UPDATE'],
  leases: ['SELECT', 'INSERT', 'UPDATE'],
  marker_words: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  rate_counts: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  webhook_messages: [
    'SELECT',
    `INSERT (${WEBHOOK_COLUMNS})`,
    'UPDATE (failures, last_failure, due_at, is_postponed, delivered_at, dead_at)',
    'DELETE',
  ],
  [MIGRATIONS_TABLE]: ['SELECT'],
};

/** The tables with at least one right. */
export function tablesIn(rights: typeof RUNTIME_RIGHTS): string[] {
  return Object.keys(rights).filter((table) => rights[table]?.length);
}

/** One GRANT for each table. */
export function tableGrants(rights: typeof RUNTIME_RIGHTS, grantee: string): string[] {
  return tablesIn(rights).map((table) => `GRANT ${rights[table]?.join(', ')} ON ${table} TO ${grantee}`);
}

/**
 * The statements that grant a login these rights, to be run by the tables' owner. Since the login is not the owner, a
 * policy with its name lets it see every row. It gets no right to create or change a table, or to grant rights.
 * @param hasPolicy whether a table already has this policy.
 */
export function grantStatements(role: string, hasPolicy = (_table: string) => false): string[] {
  const to = pg.escapeIdentifier(role);
  return [
    ...tableGrants(RUNTIME_RIGHTS, to),
    ...tablesIn(RUNTIME_RIGHTS).flatMap((table) =>
      hasPolicy(table) ? [] : [`CREATE POLICY ${to} ON ${table} TO ${to} USING (true) WITH CHECK (true)`],
    ),
  ];
}

/**
 * Grants a login the rights to run the service, all or none. Run it after each migration; it may be repeated. A new
 * policy locks its table for a moment: it waits at most 900 ms for long queries.
 * @throws {Error} naming the statement for an administrator, if the owner may not run it; the driver's error if the
 * role does not exist; `database-unavailable`, also if a table is locked.
 */
export async function grantRuntimeRights(
  options: { url: string } & Pick<DatabaseOptions, 'driver'>,
  role: string,
): Promise<void> {
  const database = await connectDatabase({ ...options, maxConnections: 1 });
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
 * Grants membership in `USER_ROLE` and the use of the tables' schema, if missing: the owner may not always grant them.
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
      throw new Error(`this login may not grant this; an administrator must run once: ${statement};`, { cause: error });
    }
  }
}
