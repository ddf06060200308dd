import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { connectDatabase, type DatabaseOptions } from './connect-database.ts';
import { sqlState } from './query-database.ts';

/** How often to look for a pooler that hands connections on. */
const ROUNDS = 3;

/**
 * Whether a named statement is still known in a later transaction: `kept` by a pooler that takes care of them, `lost`
 * by one that does not, or `direct` where each connection stays with its own server process, as far as can be seen.
 *
 * A pooler is met by taking the server's connection away between the two transactions: another one begins there.
 */
export async function tryNamedStatements({
  url,
  driver,
}: Pick<DatabaseOptions, 'url' | 'driver'>): Promise<'direct' | 'kept' | 'lost'> {
  const database = connectDatabase({ url, driver, maxConnections: 2 });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      // Never the same twice: the server's connections keep those of earlier trials.
      const name = `signpost_trial_${randomBytes(8).toString('hex')}`;
      const isHandedOn = await database.withConnection(async (db) => {
        const statement = db.select({ pid: sql`pg_backend_pid()` }).from(sql`(select 1) as one`).prepare(name);
        const [before] = await statement.execute();
        const [after] = await database.withConnection((other) =>
          other.transaction(async (tx) => {
            await tx.execute(sql`select 1`);
            return statement.execute();
          }),
        );
        return before?.pid !== after?.pid;
      });
      if (isHandedOn) return 'kept';
    }
    return 'direct';
  } catch (error) {
    // 26000: there is no such statement. 42P05: there is one already, somebody else's.
    if (['26000', '42P05'].includes(sqlState(error) ?? '')) return 'lost';
    throw error;
  } finally {
    await database.close();
  }
}
