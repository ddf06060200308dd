import { Pool as NeonPool, type PoolConfig as NeonPoolConfig, neonConfig } from '@neondatabase/serverless';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleNeon } from 'drizzle-orm/neon-serverless';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import pg from 'pg';
import WebSocket from 'ws';
import { queryDatabase } from './query-database.ts';

export type DatabaseDriver = 'pg' | 'neon';

export type Database = {
  /** Drizzle, the same for both drivers. Run what it builds inside `queryDatabase`. */
  db: PgDatabase<PgQueryResultHKT>;
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
  driver = new URL(url).hostname.endsWith('.neon.tech') ? 'neon' : 'pg',
  maxConnections = 10,
  queryTimeoutSeconds = 10,
}: DatabaseOptions): Database {
  const { pool, db } = OPEN[driver]({
    connectionString: url,
    application_name: 'signpost',
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_SECONDS * 1000,
    query_timeout: queryTimeoutSeconds * 1000,
    keepAlive: true,
  });
  // An idle connection that dies has already left the pool when this fires; unheard, it would end the process.
  pool.on('error', () => {});
  return {
    db,
    ping: async () => void (await queryDatabase(() => db.execute(sql`select 1`))),
    close: () => pool.end(),
  };
}

const OPEN = {
  pg: (options: pg.PoolConfig) => {
    const pool = new pg.Pool(options);
    return { pool, db: drizzlePg({ client: pool }) };
  },
  neon: (options: NeonPoolConfig) => {
    // Node has a WebSocket of its own only since version 22.
    neonConfig.webSocketConstructor = WebSocket;
    const pool = new NeonPool(options);
    return { pool, db: drizzleNeon({ client: pool }) };
  },
};
