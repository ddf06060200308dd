import type { EventEmitter } from 'node:events';
import { Pool as NeonPool, type PoolConfig as NeonPoolConfig, neonConfig } from '@neondatabase/serverless';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleNeon } from 'drizzle-orm/neon-serverless';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import pg from 'pg';
import WebSocket from 'ws';
import { queryDatabase } from './query-database.ts';

export type DatabaseDriver = 'pg' | 'neon';

/** Drizzle, typed the same for both drivers. */
export type Db = PgDatabase<PgQueryResultHKT>;

export type Database = {
  /**
   * For single statements, each on any connection of the pool; run them inside `queryDatabase`. Not for transactions:
   * where BEGIN fails, Drizzle never gives the connection back.
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
    withConnection: (use) =>
      queryDatabase(async () => {
        const connection = await connect();
        try {
          const result = await use(connection.db);
          connection.release(false);
          return result;
        } catch (error) {
          connection.release(true);
          throw error;
        }
      }),
    ping: async () => void (await queryDatabase(() => db.execute(sql`select 1`))),
    close: () => pool.end(),
  };
}

const OPEN = {
  pg: (options: pg.PoolConfig) => {
    const pool = new pg.Pool(options);
    const connect = async () => {
      const client = await pool.connect();
      return { db: drizzlePg({ client }), release: (destroy: boolean) => client.release(destroy) };
    };
    return { pool, db: drizzlePg({ client: pool }), connect };
  },
  neon: (options: NeonPoolConfig) => {
    // Node has a WebSocket of its own only since version 22.
    neonConfig.webSocketConstructor = WebSocket;
    const pool = new NeonPool(options);
    const connect = async () => {
      const client = await pool.connect();
      return { db: drizzleNeon({ client }), release: (destroy: boolean) => client.release(destroy) };
    };
    return { pool, db: drizzleNeon({ client: pool }), connect };
  },
};
