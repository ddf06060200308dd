import { sql } from 'drizzle-orm';
import * as z from 'zod';
import { unavailable } from '../contract/errors.ts';
import type { CallWatch } from '../telemetry/watch-calls.ts';
import {
  type Connection,
  type ConnectionCounts,
  type DatabaseDriver,
  type DatabaseSource,
  openPool,
} from './open-pool.ts';
import { type Db, queryDatabase, rowsOf } from './query-database.ts';
import { USER_ROLE, USER_SETTING } from './schema.ts';
import { isNeonPool } from './which-pool.ts';

/** A statement to be prepared on a connection, once on each: `(db) => db.select()….prepare('name')`. */
export type Statement<Rows> = (db: Db) => { execute(values?: Record<string, unknown>): Promise<Rows> };

export type Database = {
  /**
   * Runs one statement as a user: in its own transaction, as `USER_ROLE`, with the user's id set for the policies of
   * row level security. A statement without a condition on the owner still sees only the user's rows. `settings` are
   * further settings of PostgreSQL for this transaction.
   *
   * With `pg`, that is one round trip. With Neon's driver and an app's pool, BEGIN with the settings, the statement and
   * COMMIT are three. Throws, and runs again after a rollback, as `queryDatabase` does.
   */
  asUser<Rows>(
    userId: string,
    statement: Statement<Rows>,
    values?: Record<string, unknown>,
    settings?: Readonly<Record<string, string>>,
  ): Promise<Rows>;
  /**
   * Queries as the role that logged in, which sees all rows: for jobs, in single statements, each on any connection of
   * the pool; run them inside `queryDatabase`. Not for transactions: if BEGIN fails, Drizzle never returns the
   * connection to the pool.
   */
  db: Db;
  /**
   * Runs `use` on one connection, for transactions. Do not set session parameters: behind a pooler, the next
   * transaction runs in another session. Throws, and runs `use` again after a rollback, as `queryDatabase` does.
   */
  withConnection<T>(use: (db: Db) => Promise<T>): Promise<T>;
  /**
   * Resolves if the database answers and is writable; otherwise throws `database-unavailable`, within 5 seconds. It has
   * its own connection, so it never waits for requests.
   */
  ping(): Promise<void>;
  /** How many connections are open, besides the one for `ping`, and how many callers wait for one. */
  connections(): ConnectionCounts;
  /** Waits for running queries, then closes every connection. Call it once. */
  close(): Promise<void>;
};

export type DatabaseOptions = DatabaseSource & {
  /** Default: `neon` for a host under `neon.tech` and for a pool of that driver, `pg` for any other. */
  driver?: DatabaseDriver | undefined;
  /** 1 or more, default 10; `ping` has one more. Of an app's pool, the app decides. */
  maxConnections?: number;
  /** How long one query may take, default 10; of an app's pool, one transaction. */
  queryTimeoutSeconds?: number;
  /** False behind a pooler that does not support named statements (PgBouncer before 1.21). Default true. */
  prepare?: boolean;
  /** Measures each statement but those of `ping`. Default: nothing is measured. */
  watch?: CallWatch;
};

/** Hosts that speak Neon's protocol over WebSockets. */
export function isNeonHost(hostname: string): boolean {
  return hostname.endsWith('.neon.tech');
}

/** How long a ping may wait for its answer. */
const PING_TIMEOUT_SECONDS = 5;

/**
 * A pool of connections, or the use of an app's pool.
 *
 * It opens the first connection for the first query, so a start succeeds while the database is down, and works once it
 * is back. After a failover, connections to a server that is read-only or shutting down are closed, and new ones go to
 * the server that the URL then leads to. A connection lives at most 5 minutes.
 *
 * The client measures the query timeout: PgBouncer and Neon's pooler refuse the start-up parameter `statement_timeout`.
 * A limit on the server can be set for the role.
 */
export async function connectDatabase({
  driver,
  maxConnections = 10,
  queryTimeoutSeconds = 10,
  prepare = true,
  watch,
  ...source
}: DatabaseOptions): Promise<Database> {
  const how = { ...source, driver: driver ?? usualDriver(source), prepare };
  const pool = await openPool({ ...how, max: maxConnections, queryTimeoutSeconds, watch });
  const pingTimeoutSeconds = Math.min(queryTimeoutSeconds, PING_TIMEOUT_SECONDS);
  const pinger = await openPool({ ...how, max: 1, queryTimeoutSeconds: pingTimeoutSeconds });

  return {
    db: pool.db,
    asUser: (userId, statement, values = {}, settings = {}) =>
      queryDatabase(() =>
        pool.lend(({ runWith, prepared }) =>
          runWith({ ...settings, role: USER_ROLE, [USER_SETTING]: userId }, async (db) =>
            prepareOn(db, prepared, statement).execute(values),
          ),
        ),
      ),
    withConnection: (use) => queryDatabase(() => pool.lend(({ db }) => use(db))),
    ping: () =>
      queryDatabase(() =>
        pinger.lend(async ({ db }) => {
          const query = sql`
            select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as read_only`;
          const [server] = await rowsOf(db, z.object({ read_only: z.boolean() }), query);
          if (server?.read_only === false) return;
          pool.renew();
          throw unavailable('database', new Error('the database is read-only'));
        }),
      ),
    connections: () => pool.counts(),
    close: async () => void (await Promise.all([pool.end(), pinger.end()])),
  };
}

/** The host of a database; empty if an app's pool does not tell. */
export function hostOf({ url, pool }: DatabaseSource): string {
  if (pool === undefined) return new URL(url).hostname;
  const { host, connectionString = '' } = pool.options;
  return host ?? (URL.canParse(connectionString) ? new URL(connectionString).hostname : '');
}

function usualDriver(source: DatabaseSource): DatabaseDriver {
  const isNeon = source.pool === undefined ? isNeonHost(hostOf(source)) : isNeonPool(source.pool);
  return isNeon ? 'neon' : 'pg';
}

function prepareOn<Rows>(
  db: Db,
  prepared: Connection['prepared'],
  statement: Statement<Rows>,
): ReturnType<Statement<Rows>> {
  const known = prepared.get(statement);
  if (known !== undefined) return known as ReturnType<Statement<Rows>>;
  const made = statement(db);
  prepared.set(statement, made);
  return made;
}
