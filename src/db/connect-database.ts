import type { EventEmitter } from 'node:events';
import {
  Pool as NeonPool,
  type PoolClient as NeonPoolClient,
  type PoolConfig as NeonPoolConfig,
  neonConfig,
} from '@neondatabase/serverless';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleNeon } from 'drizzle-orm/neon-serverless';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import pg from 'pg';
import WebSocket from 'ws';
import { queryDatabase } from './query-database.ts';
import { USER_ROLE, USER_SETTING } from './schema.ts';

export type DatabaseDriver = 'pg' | 'neon';

/** Drizzle, typed the same for both drivers. */
export type Db = PgDatabase<PgQueryResultHKT>;

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
   * The role that logged in, which row level security does not hold: for jobs, in single statements, each on any
   * connection of the pool; run them inside `queryDatabase`. Not for transactions: where BEGIN fails, Drizzle never
   * gives the connection back.
   */
  db: Db;
  /**
   * Runs `use` on one connection, for transactions and for what belongs to a session. The connection goes back to the
   * pool, or is closed when `use` throws. Throws, and runs `use` again after a rollback, as `queryDatabase` does.
   */
  withConnection<T>(use: (db: Db) => Promise<T>): Promise<T>;
  /** Resolves when the database answers; throws `database-unavailable` when it does not. */
  ping(): Promise<void>;
  /** Waits for running queries, then closes every connection. Once. */
  close(): Promise<void>;
};

export type DatabaseOptions = {
  /** `postgres://…`, with `sslmode` and the other parameters as pg-connection-string reads them. */
  url: string;
  /** Default: `neon` for a host under `neon.tech`, `pg` for any other. */
  driver?: DatabaseDriver | undefined;
  /** 1 or more, default 10. */
  maxConnections?: number;
  /** How long one query may take, default 10. */
  queryTimeoutSeconds?: number;
};

/** Hosts that speak Neon's protocol over WebSockets. */
export function isNeonHost(hostname: string): boolean {
  return hostname.endsWith('.neon.tech');
}

/** How long opening a connection, or waiting for a free one, may take. */
const CONNECT_TIMEOUT_SECONDS = 5;

/**
 * A pool of connections. Nothing is opened before the first query, so a database that is down does not fail the start;
 * when it is back, the same handle works again.
 *
 * The query timeout is the client's own: as a start-up parameter, `statement_timeout` is refused by PgBouncer and by
 * Neon's pooler. A bound on the server's side is the role's to set.
 */
export function connectDatabase({
  url,
  driver = isNeonHost(new URL(url).hostname) ? 'neon' : 'pg',
  maxConnections = 10,
  queryTimeoutSeconds = 10,
}: DatabaseOptions): Database {
  const { pool, db, connect } = OPEN[driver]({
    connectionString: url,
    application_name: 'signpost',
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_SECONDS * 1000,
    query_timeout: queryTimeoutSeconds * 1000,
    keepAlive: true,
  });
  // A connection may die at any time, in the pool or in use. Whoever uses it next is told; these events, unheard, would
  // end the process.
  pool.on('error', () => {});
  pool.on('connect', (client: EventEmitter) => client.on('error', () => {}));

  return {
    db,
    asUser: (userId, statement, values = {}, settings = {}) =>
      queryDatabase(async () => {
        const connection = await connect();
        const begin = beginAs(connection.client, { ...settings, role: USER_ROLE, [USER_SETTING]: userId });
        const sent = [
          begin,
          prepare(connection, statement).execute(values),
          connection.client.query('commit'),
        ] as const;
        const [begun, answered, ended] = await Promise.allSettled(sent);
        connection.client.release(ended.status === 'rejected');
        if (begun.status === 'rejected') throw begun.reason;
        if (answered.status === 'rejected') throw answered.reason;
        if (ended.status === 'rejected') throw ended.reason;
        return answered.value;
      }),
    withConnection: (use) =>
      queryDatabase(async () => {
        const connection = await connect();
        try {
          const result = await use(connection.db);
          connection.client.release(false);
          return result;
        } catch (error) {
          connection.client.release(true);
          throw error;
        }
      }),
    ping: async () => void (await queryDatabase(() => db.execute(sql`select 1`))),
    close: () => pool.end(),
  };
}

/** What both drivers' clients have in common. */
type Client = {
  query(text: string): Promise<unknown>;
  escapeLiteral(text: string): string;
  release(destroy: boolean): void;
};

type Connection = { client: Client; db: Db; prepared: WeakMap<Statement<unknown>, ReturnType<Statement<unknown>>> };

/** One message of the simple query protocol, which has no parameters. */
function beginAs(client: Client, settings: Readonly<Record<string, string>>): Promise<unknown> {
  const set = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', ${client.escapeLiteral(value)}, true)`,
  );
  return client.query(`begin; select ${set.join(', ')}`);
}

/** Drizzle's prepared queries go out before `execute` returns: in order, then, with what surrounds them. */
function prepare<Rows>(connection: Connection, statement: Statement<Rows>): ReturnType<Statement<Rows>> {
  const known = connection.prepared.get(statement);
  if (known !== undefined) return known as ReturnType<Statement<Rows>>;
  const prepared = statement(connection.db);
  connection.prepared.set(statement, prepared);
  return prepared;
}

const OPEN = {
  pg: (options: pg.PoolConfig) => {
    const pool = new pg.Pool({ ...options, pipeline: true });
    const connections = rememberEach((client: pg.PoolClient) => drizzlePg({ client }));
    return { pool, db: drizzlePg({ client: pool }), connect: async () => connections(await pool.connect()) };
  },
  neon: (options: NeonPoolConfig) => {
    // Node has a WebSocket of its own only since version 22.
    neonConfig.webSocketConstructor = WebSocket;
    const pool = new NeonPool(options);
    const connections = rememberEach((client: NeonPoolClient) => drizzleNeon({ client }));
    return { pool, db: drizzleNeon({ client: pool }), connect: async () => connections(await pool.connect()) };
  },
};

/** The pool hands out the same clients again and again; what was prepared on one stays prepared. */
function rememberEach<C extends Client>(wrap: (client: C) => Db): (client: C) => Connection {
  const known = new WeakMap<C, Connection>();
  return (client) => {
    const connection = known.get(client) ?? { client, db: wrap(client), prepared: new WeakMap() };
    known.set(client, connection);
    return connection;
  };
}
