import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from './connect-database.ts';
import { rowsOf } from './query-database.ts';

/**
 * Both drivers read times in the ISO form only; in another one, each change would be made, and answered with 500.
 * @throws {Error} if the database, or the login, has another `datestyle`; and as `queryDatabase` does.
 */
export async function requireIsoDates({ withConnection }: Pick<Database, 'withConnection'>): Promise<void> {
  const query = sql`select current_setting('datestyle') as style`;
  const [{ style } = { style: '' }] = await withConnection((db) => rowsOf(db, z.object({ style: z.string() }), query));
  if (style.startsWith('ISO')) return;
  throw new Error(
    `the database writes dates as "${style}", and must write them as ISO: ALTER DATABASE … SET datestyle = 'ISO' ` +
      '(or ALTER ROLE, if the login has a style of its own)',
  );
}
