import * as z from 'zod';
import type { Database } from '../db/connect-database.ts';
import { RUNTIME_RIGHTS, tableGrants, tablesIn, USER_RIGHTS } from '../db/runtime-rights.ts';
import { USER_ROLE } from '../db/schema.ts';
import { reasonOf } from '../net/reason-of.ts';
import { catalogRows } from './catalog-rows.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** The tables that hold the rows of users. */
const TABLES = ['files', 'file_usage', 'audit_events'];

/**
 * Checks roles and grants: users' statements run as a role that the tables' policies restrict; jobs run as the login,
 * which owns the tables or has the grants it needs; logins of other databases see no row.
 */
export async function* checkRoles(database: Database): AsyncIterable<Check> {
  yield await checkUserRole(database);
  yield await checkRowSecurity(database);
  yield await checkOtherLogins(database);
  yield await checkLogin(database);
}

async function checkUserRole(database: Database): Promise<Check> {
  const name = 'database: role of the users';
  const row = z.object({ unbound: z.boolean(), writes: z.boolean(), missing: z.string() });
  const [found] = await catalogRows(
    database,
    row,
    `select rolsuper or rolbypassrls or rolcanlogin as unbound,
       has_table_privilege(oid, 'files', 'UPDATE') or has_table_privilege(oid, 'audit_events', 'INSERT') as writes,
       concat_ws(', ', ${missingRights(`'${USER_ROLE}'`, USER_RIGHTS)}) as missing
     from pg_roles where rolname = '${USER_ROLE}'`,
  );
  if (found === undefined) return fail(name, `there is no role ${USER_ROLE}`, 'npm run db:migrate');
  if (found.unbound) {
    const alter = `ALTER ROLE ${USER_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;`;
    return fail(name, `${USER_ROLE} may log in, or bypasses row level security`, alter);
  }
  try {
    // The setting lasts for this one statement's transaction.
    await catalogRows(database, z.unknown(), `select set_config('role', '${USER_ROLE}', true)`);
  } catch (error) {
    return fail(name, reasonOf(error), `GRANT ${USER_ROLE} TO the login of DATABASE_URL;`);
  }
  if (found.missing !== '') {
    const lost = 'restored without the roles of the dump? Then restore it again (docs/operating.md, "Restoring"); or';
    return fail(name, `missing: ${found.missing}`, `${lost} ${tableGrants(USER_RIGHTS, USER_ROLE).join('; ')};`);
  }
  if (!found.writes) return ok(name, `the login may act as ${USER_ROLE}`);
  const revoke = `REVOKE UPDATE ON files FROM ${USER_ROLE}; REVOKE INSERT ON audit_events FROM ${USER_ROLE};`;
  return warn(
    name,
    `${USER_ROLE} may write columns that it does not need`,
    `${revoke} then the grants of the migrations`,
  );
}

async function checkRowSecurity(database: Database): Promise<Check> {
  const name = 'database: row level security';
  const query = `select name from unnest(array[${quoted(TABLES)}]) as name
    where not coalesce((select relrowsecurity from pg_class where oid = to_regclass(name)), false)`;
  const names = (await catalogRows(database, z.object({ name: z.string() }), query)).map((table) => table.name);
  if (names.length === 0) return ok(name, `on for ${TABLES.join(', ')}`);
  const alters = names.map((table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;`).join(' ');
  return fail(name, `off for ${names.join(', ')}`, alters);
}

/** Roles belong to the cluster: the login of another database may also act as the users' role, and connect here. */
async function checkOtherLogins(database: Database): Promise<Check> {
  const name = 'database: logins of other databases';
  const row = z.object({ open: z.string().nullable(), shared: z.boolean(), others: z.string().nullable() });
  const [found] = await catalogRows(
    database,
    row,
    `select
       (select string_agg(distinct relname, ', ') from pg_policy join pg_class on pg_class.oid = polrelid
         where polrelid in (${TABLES.map((table) => `to_regclass('${table}')`).join(', ')})
         and polroles && array(select oid from pg_roles where rolname = '${USER_ROLE}')
         and concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
           not ilike '%session_user%') as open,
       has_table_privilege('public', 'leases', 'UPDATE') as shared,
       (select string_agg(rolname, ', ' order by rolname) from pg_roles
         where rolcanlogin and not rolsuper and pg_has_role(oid, '${USER_ROLE}', 'MEMBER')
         and has_database_privilege(oid, current_database(), 'CONNECT')
         and not has_table_privilege(oid, 'leases', 'UPDATE')) as others`,
  );
  if (found?.shared) {
    return fail(name, 'every login may serve this database', 'REVOKE UPDATE ON leases FROM PUBLIC;');
  }
  if (found === undefined || found.open !== null) {
    const detail = `the policies on ${found?.open} ignore the login: all that may act as ${USER_ROLE} read every row`;
    return fail(name, detail, 'the policies of the migrations; and REVOKE CONNECT ON DATABASE … FROM PUBLIC;');
  }
  return ok(name, found.others === null ? 'no such login may act as users' : `they see no row: ${found.others}`);
}

/** Checks the login's rights: the tables' owner has all, any other login needs those of `db:migrate --grant`. */
async function checkLogin(database: Database): Promise<Check> {
  const name = 'database: rights to serve';
  const tables = tablesIn(RUNTIME_RIGHTS)
    .map((table) => `to_regclass('${table}')`)
    .join(', ');
  const row = z.object({ role: z.string(), is_owner: z.boolean(), missing: z.string(), hidden: z.string().nullable() });
  const [login] = await catalogRows(
    database,
    row,
    `select current_user as role, concat_ws(', ', ${missingRights('current_user', RUNTIME_RIGHTS)}) as missing,
       (select bool_and(pg_has_role(relowner, 'USAGE')) from pg_class where oid in (${tables})) as is_owner,
       (select string_agg(relname, ', ') from pg_class where oid in (${tables}) and row_security_active(oid)
         and not exists (select from pg_policy where polrelid = pg_class.oid and pg_get_expr(polqual, polrelid) = 'true'
           and exists (select from unnest(polroles) as role where pg_has_role(role, 'USAGE')))) as hidden`,
  );
  const remedy = `npm run db:migrate -- --grant ${login?.role}, as the tables' owner`;
  if (login === undefined || login.missing !== '') return fail(name, `missing: ${login?.missing}`, remedy);
  if (login.hidden !== null) return fail(name, `row level security hides rows from jobs in: ${login.hidden}`, remedy);
  if (!login.is_owner) return ok(name, `${login.role} may run the service, and may not change a table`);
  return ok(name, `${login.role} owns the tables; another login suffices: npm run db:migrate -- --grant <login>`);
}

/** SQL expressions, each null or the name of a missing right: `UPDATE on files`. */
function missingRights(role: string, rights: typeof RUNTIME_RIGHTS): string {
  const all = Object.entries(rights).flatMap(([table, each]) => each.map((right) => ({ table, right })));
  return all
    .map(({ table, right }) => {
      const [, privilege = '', columns] = /^(\w+)(?: \((.*)\))?$/.exec(right) ?? [];
      const has = columns
        ?.split(', ')
        .map((column) => `has_column_privilege(${role}, '${table}', '${column}', '${privilege}')`)
        .join(' and ');
      const condition = has ?? `has_table_privilege(${role}, '${table}', '${privilege}')`;
      return `case when ${condition} then null else '${privilege} on ${table}' end`;
    })
    .join(', ');
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
