import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { unavailable } from '../contract/errors.ts';
import { type Connection, type DatabaseDriver, type Db, openPool } from './open-pool.ts';
import { isBroken, queryDatabase, rowsOf } from './query-database.ts';
import { USER_ROLE, USER_SETTING } from './schema.ts';

/** A statement to be prepared on a connection, once on each: `(db) => db.select()….prepare('name')`. */
export type Statement<Rows> = (db: Db) => { execute(values?: Record<string, unknown>): Promise<Rows> };

export type Database = {
  /**
   * Runs one statement as a user: in a transaction of its own, as the role without rights of its own, the user's id set
   * for the policies of row level security. A statement that forgets whose rows it wants gets no others than the
   * user's. `settings` are more of PostgreSQL's, for this transaction.
   *
   * BEGIN with the settings, the statement and COMMIT leave in one flight where the driver sends a query before the
   * last one is answered (`pg`, in its pipeline mode): one round trip. Neon's sends them one by one. Throws, and runs
   * again after a rollback, as `queryDatabase` does.
   */
  asUser<Rows>(
    userId: string,
    statement: Statement<Rows>,
    values?: Record<string, unknown>,
    settings?: Readonly<Record<string, string>>,
  ): Promise<Rows>;
  /**
   * The role that logged in, whom row level security lets see everything: for jobs, in single statements, each on any
   * connection of the pool; run them inside `queryDatabase`. Not for transactions: where BEGIN fails, Drizzle never
   * gives the connection back.
   */
  db: Db;
  /**
   * Runs `use` on one connection, for transactions. Nothing may be set for the session: behind a pooler the next
   * transaction is on another one. Throws, and runs `use` again after a rollback, as `queryDatabase` does.
   */
  withConnection<T>(use: (db: Db) => Promise<T>): Promise<T>;
  /**
   * Resolves when the database answers and can be written; throws `database-unavailable` when not, within 5 seconds.
   * On a connection of its own, so that it waits for no request's query.
   */
  ping(): Promise<void>;
  /** Waits for running queries, then closes every connection. Once. */
  close(): Promise<void>;
};

export type DatabaseOptions = {
  /** `postgres://…`, with `sslmode` and the other parameters as pg-connection-string reads them. */
  url: string;
  /** Default: `neon` for a host under `neon.tech`, `pg` for any other. */
  driver?: DatabaseDriver | undefined;
  /** 1 or more, default 10; besides one for `ping`. */
  maxConnections?: number;
  /** How long one query may take, default 10. */
  queryTimeoutSeconds?: number;
  /** False behind a pooler that does not know named statements (PgBouncer before 1.21). Default true. */
  prepare?: boolean;
};

/** Hosts that speak Neon's protocol over WebSockets. */
export function isNeonHost(hostname: string): boolean {
  return hostname.endsWith('.neon.tech');
}

/** How long a ping may wait for its answer. */
const PING_TIMEOUT_SECONDS = 5;

/**
 * A pool of connections. Nothing is opened before the first query, so a database that is down does not fail the start;
 * when it is back, the same handle works again. After a failover, connections to a server that became read-only or is
 * shutting down are closed, and the next ones go wherever the URL leads then; none lives longer than 5 minutes.
 *
 * The query timeout is the client's own: as a start-up parameter, `statement_timeout` is refused by PgBouncer and by
 * Neon's pooler. A bound on the server's side is the role's to set.
 */
export function connectDatabase({
  url,
  driver = isNeonHost(new URL(url).hostname) ? 'neon' : 'pg',
  maxConnections = 10,
  queryTimeoutSeconds = 10,
  prepare = true,
}: DatabaseOptions): Database {
  const pool = openPool({ url, driver, prepare, max: maxConnections, queryTimeoutSeconds });
  const pingTimeoutSeconds = Math.min(queryTimeoutSeconds, PING_TIMEOUT_SECONDS);
  const pinger = openPool({ url, driver, prepare, max: 1, queryTimeoutSeconds: pingTimeoutSeconds });

  return {
    db: pool.db,
    asUser: (userId, statement, values = {}, settings = {}) =>
      queryDatabase(() =>
        pool.lend(async (connection) => {
          // First: a statement that cannot be built must not leave a transaction open.
          const prepared = prepareOn(connection, statement);
          const begin = beginAs(connection, { ...settings, role: USER_ROLE, [USER_SETTING]: userId });
          const sent = [begin, prepared.execute(values), connection.client.query('commit')] as const;
          const [begun, answered, ended] = await Promise.allSettled(sent);
          const errors = [begun, answered, ended].flatMap((part) => (part.status === 'rejected' ? [part.reason] : []));
          if (answered.status === 'fulfilled' && errors.length === 0) return answered.value;
          // COMMIT of what a read-only server refused is answered well. A broken connection weighs most.
          throw errors.find(isBroken) ?? errors[0];
        }),
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
    close: async () => void (await Promise.all([pool.end(), pinger.end()])),
  };
}

/** One message of the simple query protocol, which has no parameters. */
function beginAs({ client }: Connection, settings: Readonly<Record<string, string>>): Promise<unknown> {
  const set = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', ${client.escapeLiteral(value)}, true)`,
  );
  return client.query(`begin; select ${set.join(', ')}`);
}

/** Drizzle's prepared queries go out before `execute` returns: in order, then, with what surrounds them. */
function prepareOn<Rows>({ db, prepared }: Connection, statement: Statement<Rows>): ReturnType<Statement<Rows>> {
  const known = prepared.get(statement);
  if (known !== undefined) return known as ReturnType<Statement<Rows>>;
  const made = statement(db);
  prepared.set(statement, made);
  return made;
}
