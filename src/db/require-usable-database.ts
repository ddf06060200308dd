import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from './connect-database.ts';
import { rowsOf } from './query-database.ts';

const server = z.object({ style: z.string(), encoding: z.string() });

/**
 * Checks what the service needs of a database, and no migration can change. Names are any Unicode, and searched in
 * Unicode's form NFC. Both drivers read times in the ISO form only. Without either, each confirmation would be answered
 * with 500.
 * @throws {Error} if the database has another encoding than UTF-8, or, as the login may have, another `datestyle`; and
 * as `queryDatabase` does.
 */
export async function requireUsableDatabase({ withConnection }: Pick<Database, 'withConnection'>): Promise<void> {
  const query = sql`select current_setting('datestyle') as style, current_setting('server_encoding') as encoding`;
  const [found] = await withConnection((db) => rowsOf(db, server, query));
  if (found === undefined) throw new Error('a list of settings is one row');
  const { style, encoding } = found;
  if (encoding !== 'UTF8') {
    throw new Error(
      `the database has the encoding ${encoding}, and must have UTF8, which is chosen when it is created: ` +
        "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
    );
  }
  if (style.startsWith('ISO')) return;
  throw new Error(
    `the database writes dates as "${style}", and must write them as ISO: ALTER DATABASE … SET datestyle = 'ISO' ` +
      '(or ALTER ROLE, if the login has a style of its own)',
  );
}
