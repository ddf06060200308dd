import type { PoolClient } from 'pg';
import type { Client } from './given-pool.ts';
import { type Db, isBroken } from './query-database.ts';
import { settingStatement, type TransactionSettings, type UserQuery } from './user-query.ts';

/** Runs one statement, which `run` sends over Drizzle, in its own transaction with these settings. */
export type RunWith = <T>(settings: TransactionSettings, run: (db: Db) => Promise<T>) => Promise<T>;

/** BEGIN with the settings, the statement, and COMMIT, one by one: three round trips, with any driver. */
export function inThreeSteps(client: Client, db: Db): RunWith {
  return async (settings, run) => {
    const set = Object.entries(settings).map(
      ([name, value]) => `set_config('${name}', ${client.escapeLiteral(value)}, true)`,
    );
    // One message of the simple query protocol, which has no parameters.
    const [begun] = await Promise.allSettled([client.query(`begin; select ${set.join(', ')}`)]);
    const [answered] = begun.status === 'rejected' ? [begun] : await Promise.allSettled([run(db)]);
    // COMMIT comes also after an error: it ends the transaction, which is then undone.
    const [ended] = await Promise.allSettled([client.query('commit')]);
    if (answered.status === 'fulfilled' && ended.status === 'fulfilled') return answered.value;
    const errors = [answered, ended].flatMap((step) => (step.status === 'rejected' ? [step.reason] : []));
    // After a read-only server has refused the statement, COMMIT succeeds. An error that breaks the connection comes
    // first.
    throw errors.find(isBroken) ?? errors[0];
  };
}

/**
 * Makes `RunWith` for a connection.
 * @param over makes Drizzle send its statements by this function.
 */
export type InOneStep<C> = (client: C, how: { prepare: boolean; over: (query: Client['query']) => Db }) => RunWith;

/**
 * All in one round trip, as `UserQuery` does. Before the first one on a connection, the statement that sets the
 * settings is prepared there, in a round trip of its own.
 */
export function inOneStepWith(UserQuery: UserQuery): InOneStep<PoolClient> {
  return (client, { prepare, over }) => {
    const prepared = new Set<string>();
    // A connection runs one statement at a time.
    let current = settingStatement({}, prepare);
    const db = over(
      (query, values = []) =>
        new Promise((resolve, reject) => {
          const config = typeof query === 'string' ? { text: query } : query;
          const done = (error: Error | undefined, result: unknown) => (error ? reject(error) : resolve(result));
          client.query(new UserQuery(current, config, values, done));
        }),
    );
    return async (settings, run) => {
      current = settingStatement(settings, prepare);
      if (prepare && !prepared.has(current.name)) {
        await client.query(current);
        prepared.add(current.name);
      }
      return run(db);
    };
  };
}
