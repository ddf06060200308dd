import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { connectDatabase, type DatabaseOptions } from './connect-database.ts';
import { sqlState } from './query-database.ts';

/** How many attempts to detect a pooler. */
const ROUNDS = 3;

/**
 * Tests whether a named statement is still known in a later transaction: `kept` by a pooler that supports them, `lost`
 * by one that does not, or `direct` if no pooler was detected.
 *
 * Another transaction takes the pooler's server connection between the two transactions, so that the second one gets a
 * different server process.
 */
export async function tryNamedStatements({
  url,
  driver,
}: { url: string } & Pick<DatabaseOptions, 'driver'>): Promise<'direct' | 'kept' | 'lost'> {
  const database = await connectDatabase({ url, driver, maxConnections: 2 });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      // A new name each time: the server's connections keep the names of earlier attempts.
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
    // 26000: there is no such statement. 42P05: another client's statement has this name.
    if (['26000', '42P05'].includes(sqlState(error) ?? '')) return 'lost';
    throw error;
  } finally {
    await database.close();
  }
}
