import type { Pool as NeonPool, PoolClient as NeonPoolClient } from '@neondatabase/serverless';
import type { Pool as PgPool, PoolClient as PgPoolClient } from 'pg';
import { inTime } from '../net/in-time.ts';
import { ON_WORKERS } from '../net/on-workers.ts';
import { type CallWatch, NO_WATCH } from '../telemetry/watch-calls.ts';
import { borrow, type Client, type GivenPool, type Lender } from './given-pool.ts';
import { type Db, isBroken, isStale } from './query-database.ts';
import { type InOneStep, inOneStepWith, inThreeSteps, type RunWith } from './run-as-user.ts';
import { userQueryOf } from './user-query.ts';
import { nameOf } from './watch-statements.ts';
import { isNeonPool, isPgPool } from './which-pool.ts';

export type DatabaseDriver = 'pg' | 'neon';

export type Connection = {
  client: Client;
  db: Db;
  runWith: RunWith;
  /** The statements that `runWith` has prepared on this connection, by the function that made them. */
  prepared: WeakMap<object, unknown>;
};

export type ConnectionCounts = { used: number; idle: number; waiting: number };

type ConnectionPool = {
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
  /** Closes the service's own connections. */
  end(): Promise<void>;
};

/** Where the database is: a URL, read as pg-connection-string does, or a pool of the app's. */
export type DatabaseSource = { url: string; pool?: undefined } | { pool: GivenPool; url?: undefined };

type PoolOptions = DatabaseSource & {
  driver: DatabaseDriver;
  /** For a URL. */
  max: number;
  /** Of each query; of an app's pool, of each transaction. */
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
export async function openPool({
  driver,
  queryTimeoutSeconds,
  prepare,
  watch = NO_WATCH,
  ...source
}: PoolOptions): Promise<ConnectionPool> {
  const how = { prepare, watch, lendMs: queryTimeoutSeconds * 1000 };
  const { pool } = source;
  if (pool === undefined) {
    return OPEN[driver](how, {
      connectionString: source.url,
      max: source.max,
      application_name: 'signpost',
      keepAlive: true,
      // A connection for each use; and none for which another request would have to wait.
      ...(ON_WORKERS && { max: Number.MAX_SAFE_INTEGER, maxUses: 1 }),
      connectionTimeoutMillis: CONNECT_TIMEOUT_SECONDS * 1000,
      query_timeout: queryTimeoutSeconds * 1000,
      maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    });
  }
  if (isNeonPool(pool)) return OPEN.neon(how, null, pool);
  if (isPgPool(pool)) return OPEN.pg(how, null, pool);
  throw new Error('the database is not a pool of pg or of @neondatabase/serverless');
}

/** The part of both drivers' options that the service sets. */
type PoolConfig = {
  connectionString: string;
  application_name: string;
  max: number;
  maxUses?: number;
  keepAlive: boolean;
  connectionTimeoutMillis: number;
  query_timeout: number;
  maxLifetimeSeconds: number;
};

type How = { prepare: boolean; watch: CallWatch; lendMs: number };

/** Each driver is loaded only if it is needed: an app or a Worker need not have the other one. */
const OPEN = {
  pg: async (how: How, options: PoolConfig | null, given?: PgPool): Promise<ConnectionPool> => {
    const { drizzle } = await import('drizzle-orm/node-postgres');
    const over = (client: PgPool | PgPoolClient) => drizzle({ client });
    if (given !== undefined) return manage<PgPoolClient, PgPool>(given, lent<PgPoolClient>(given, how), how, over);
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ ...options });
    const access = { ...owned<PgPoolClient>(pool), inOneStep: inOneStepWith(userQueryOf(pg)) };
    return manage<PgPoolClient, PgPool>(pool, access, how, over);
  },
  neon: async (how: How, options: PoolConfig | null, given?: NeonPool): Promise<ConnectionPool> => {
    const { drizzle } = await import('drizzle-orm/neon-serverless');
    const over = (client: NeonPool | NeonPoolClient) => drizzle({ client });
    if (given !== undefined)
      return manage<NeonPoolClient, NeonPool>(given, lent<NeonPoolClient>(given, how), how, over);
    const { Pool, neonConfig } = await import('@neondatabase/serverless');
    // Node has a WebSocket since version 22 only, and it does not say why a connection failed.
    if (!ON_WORKERS) neonConfig.webSocketConstructor ??= (await import('ws')).WebSocket;
    const pool = new Pool({ ...options });
    return manage<NeonPoolClient, NeonPool>(pool, owned<NeonPoolClient>(pool), how, over);
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

/** What differs between the service's own pools and the app's. */
type Access<C> = {
  /** For statements as a user. Default: `inThreeSteps`. */
  inOneStep?: InOneStep<C>;
  connect(): Promise<C>;
  /** Runs `use`, which ends or fails within a time limit. */
  bound<T>(use: () => Promise<T>): Promise<T>;
  end(): Promise<void>;
};

/** The drivers themselves limit connecting and each query. */
function owned<C extends Client>(pool: OwnPool<C>): Access<C> {
  // A connection may fail in the pool. The next query on it throws; without a listener, the event would end the
  // process.
  pool.on('error', () => {});
  // The same for a new connection that fails before its borrower has it: within one packet.
  pool.on('connect', (client) => client.on('error', () => {}));
  return { connect: () => pool.connect(), bound: (use) => use(), end: () => pool.end() };
}

/** The app's pool may have no limits, and its `pg` another version. It stays open. */
function lent<C extends Client>(pool: Lender<C>, { lendMs }: How): Access<C> {
  return {
    connect: () => borrow(pool, CONNECT_TIMEOUT_SECONDS * 1000),
    bound: (use) => inTime(use(), lendMs),
    end: async () => {},
  };
}

type OwnPool<C> = Lender<C> & {
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
  on(event: 'connect', listener: (client: C) => void): unknown;
};

function manage<C extends Client, P extends Lender<C>>(
  pool: P,
  access: Access<C>,
  { prepare, watch }: How,
  over: (client: C | P) => Db,
): ConnectionPool {
  let generation = 0;
  const known = new WeakMap<C, Connection & { generation: number }>();
  const remember = (client: C) => {
    // As for the pool: it may fail in use.
    client.on('error', () => {});
    const sendOver = (client: C) => over(watched(prepare ? client : withoutNames(client), watch));
    const db = sendOver(client);
    const runWith =
      access.inOneStep?.(client, { prepare, over: (query) => sendOver(overriding(client, query)) }) ??
      inThreeSteps(client, db);
    const connection = { client, db, runWith, prepared: new WeakMap(), generation };
    known.set(client, connection);
    return connection;
  };

  const acquire = async () => {
    for (;;) {
      const client = await access.connect();
      const connection = known.get(client) ?? remember(client);
      if (connection.generation === generation) return connection;
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
      return await access.bound(() => use(connection));
    } catch (error) {
      isDoubtful = isBroken(error);
      // Only once for concurrent failures.
      if (isStale(error) && connection.generation === generation) generation += 1;
      throw error;
    } finally {
      connection.client.release(isDoubtful);
    }
  };
  const query: Query = (...statement) => lend(({ client }) => watched(client, watch).query(...statement));
  return {
    db: over(overriding(pool, query)),
    lend,
    renew: () => {
      generation += 1;
    },
    counts: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    end: access.end,
  };
}
