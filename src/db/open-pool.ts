import type { EventEmitter } from 'node:events';
import type { PoolClient as NeonPoolClient, PoolConfig as NeonPoolConfig } from '@neondatabase/serverless';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type { PoolClient as PgPoolClient, PoolConfig as PgPoolConfig } from 'pg';
import { type CallWatch, NO_WATCH } from '../telemetry/watch-calls.ts';
import { isBroken, isStale } from './query-database.ts';
import { nameOf } from './watch-statements.ts';

export type DatabaseDriver = 'pg' | 'neon';

/** Drizzle, typed the same for both drivers. */
export type Db = PgDatabase<PgQueryResultHKT>;

/** The common interface of both drivers' clients. */
type Client = {
  query(query: string | { text: string; name?: string | undefined }, values?: unknown[]): Promise<unknown>;
  escapeLiteral(text: string): string;
  release(destroy: boolean): void;
};

export type Connection = {
  client: Client;
  db: Db;
  /** Statements prepared on this connection, by the function that made them. */
  prepared: WeakMap<object, unknown>;
};

export type ConnectionCounts = { used: number; idle: number; waiting: number };

export type ConnectionPool = {
  /** Runs each statement on any connection. */
  db: Db;
  /**
   * Runs `use` on one connection, then returns it to the pool. If `use` throws an error that makes the connection
   * doubtful (no answer, or a server that is shutting down or read-only), the connection is closed; for such a server,
   * all its connections are.
   */
  lend<T>(use: (connection: Connection) => Promise<T>): Promise<T>;
  /** Replaces every open connection by a new one before its next use, after a change of server. */
  renew(): void;
  /** How many connections are open, and how many callers wait for one. */
  counts(): ConnectionCounts;
  end(): Promise<void>;
};

export type PoolOptions = {
  url: string;
  driver: DatabaseDriver;
  max: number;
  queryTimeoutSeconds: number;
  /** Whether statements keep their names, and therefore their plans, on a connection. */
  prepare: boolean;
  /** Measures each statement. Default: nothing is measured. */
  watch?: CallWatch | undefined;
};

/** How long opening a connection, or waiting for a free one, may take. */
const CONNECT_TIMEOUT_SECONDS = 5;

/** How long an old server may still be used after its name or balancer leads to another one. */
const MAX_LIFETIME_SECONDS = 300;

/** Loads the driver, and opens the first connection for the first query. */
export function openPool({
  url,
  driver,
  max,
  queryTimeoutSeconds,
  prepare,
  watch = NO_WATCH,
}: PoolOptions): Promise<ConnectionPool> {
  return OPEN[driver](
    {
      connectionString: url,
      application_name: 'signpost',
      max,
      connectionTimeoutMillis: CONNECT_TIMEOUT_SECONDS * 1000,
      query_timeout: queryTimeoutSeconds * 1000,
      maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
      keepAlive: true,
    },
    prepare,
    watch,
  );
}

/** Each driver is loaded only if it is needed: an app or a Worker need not have the other one. */
const OPEN = {
  pg: async (options: PgPoolConfig, prepare: boolean, watch: CallWatch) => {
    const [{ drizzle }, { default: pg }] = await Promise.all([import('drizzle-orm/node-postgres'), import('pg')]);
    const pool = new pg.Pool({ ...options, pipeline: true });
    const wrap = (client: PgPoolClient) => drizzle({ client: watched(prepare ? client : withoutNames(client), watch) });
    return manage(pool, wrap, (query) => drizzle({ client: overriding(pool, query) }), watch);
  },
  neon: async (options: NeonPoolConfig, prepare: boolean, watch: CallWatch) => {
    const [{ drizzle }, { Pool, neonConfig }] = await Promise.all([
      import('drizzle-orm/neon-serverless'),
      import('@neondatabase/serverless'),
    ]);
    // Node has a WebSocket since version 22 only.
    if (globalThis.WebSocket === undefined) neonConfig.webSocketConstructor ??= (await import('ws')).WebSocket;
    const pool = new Pool(options);
    const wrap = (client: NeonPoolClient) =>
      drizzle({ client: watched(prepare ? client : withoutNames(client), watch) });
    return manage(pool, wrap, (query) => drizzle({ client: overriding(pool, query) }), watch);
  },
};

type Query = Client['query'];

/** The same object with another `query`. */
function overriding<T extends object>(original: T, query: Query): T {
  return Object.create(original, { query: { value: query } });
}

function withoutNames<C extends Client>(client: C): C {
  return overriding(client, (query, values) =>
    client.query(typeof query === 'string' ? query : { ...query, name: undefined }, values),
  );
}

/** The same, with each statement measured. */
function watched<C extends Client>(client: C, watch: CallWatch): C {
  return overriding(client, (query, values) => watch.run(nameOf(query), () => client.query(query, values)));
}

type Pool<C> = {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  connect(): Promise<C>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
  on(event: 'connect', listener: (client: C) => void): unknown;
};

function manage<C extends Client & EventEmitter>(
  pool: Pool<C>,
  wrap: (client: C) => Db,
  wrapPool: (query: Query) => Db,
  watch: CallWatch,
): ConnectionPool {
  let generation = 0;
  const known = new WeakMap<C, Connection & { generation: number }>();
  // A connection may fail at any time, in the pool or in use. The next query on it throws; without listeners, these
  // events would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    client.on('error', () => {});
    known.set(client, { client, db: wrap(client), prepared: new WeakMap(), generation });
  });

  const acquire = async () => {
    for (;;) {
      const client = await pool.connect();
      const connection = known.get(client);
      if (connection?.generation === generation) return connection;
      client.release(true);
    }
  };
  const lend = async <T>(use: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = await acquire().catch((error: unknown) => {
      watch.failed('connect', error);
      throw error;
    });
    let isDoubtful = false;
    try {
      return await use(connection);
    } catch (error) {
      isDoubtful = isBroken(error);
      // Only once for concurrent failures.
      if (isStale(error) && connection.generation === generation) generation += 1;
      throw error;
    } finally {
      connection.client.release(isDoubtful);
    }
  };
  return {
    db: wrapPool((query, values) => lend(({ client }) => watched(client, watch).query(query, values))),
    lend,
    renew: () => {
      generation += 1;
    },
    counts: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    end: () => pool.end(),
  };
}
