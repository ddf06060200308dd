import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from './connect-database.ts';
import { rowsOf } from './query-database.ts';

/**
 * Settings, and how their values must begin: the defaults. Both drivers read times in the ISO form only; without row
 * level security no request of a user succeeds; the quota is a trigger, which a replica does not run; and the patterns
 * of searches contain backslashes.
 */
const SETTINGS = {
  datestyle: 'ISO',
  row_security: 'on',
  session_replication_role: 'origin',
  standard_conforming_strings: 'on',
};

const setting = z.object({ name: z.string(), value: z.string(), needed: z.string() });

/**
 * Checks what the service needs of a database, and no migration can change. Names are any Unicode, and searched in
 * Unicode's form NFC.
 * @throws {Error} if the database has another encoding than UTF-8 or, as the login may have, another of `SETTINGS`; and
 * as `queryDatabase` does.
 */
export async function requireUsableDatabase({ withConnection }: Pick<Database, 'withConnection'>): Promise<void> {
  const needed = JSON.stringify({ server_encoding: 'UTF8', ...SETTINGS });
  const query = sql`
    select key as name, value as needed, current_setting(key) as value from json_each_text(${needed}::json)
    where not starts_with(current_setting(key), value)`;
  const [wrong] = await withConnection((db) => rowsOf(db, setting, query));
  if (wrong === undefined) return;
  if (wrong.name === 'server_encoding') {
    throw new Error(
      `the database has the encoding ${wrong.value}, and must have UTF8, which is chosen when it is created: ` +
        "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
    );
  }
  throw new Error(
    `the database has the ${wrong.name} "${wrong.value}", and must have "${wrong.needed}": ` +
      `ALTER DATABASE … SET ${wrong.name} = '${wrong.needed}' (or ALTER ROLE, if the login has its own)`,
  );
}
