import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { Problem, unavailable } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import { connectDatabase, type Database, hostOf } from '../db/connect-database.ts';
import { createLeases, type Exclusively } from '../db/create-leases.ts';
import { createMarkerQueries, type MarkerQueries } from '../db/create-marker-queries.ts';
import type { GivenPool } from '../db/given-pool.ts';
import { migrateDatabase, requireMigrated } from '../db/migrate-database.ts';
import type { DatabaseSource } from '../db/open-pool.ts';
import { isRefused } from '../db/query-database.ts';
import { requireUsableDatabase } from '../db/require-usable-database.ts';
import { tryNamedStatements } from '../db/try-named-statements.ts';
import { DATABASE_CALLEE } from '../db/watch-statements.ts';
import { ON_WORKERS } from '../net/on-workers.ts';
import { type Metrics, NO_METRICS } from '../telemetry/create-metrics.ts';
import { watchCalls } from '../telemetry/watch-calls.ts';
import { postgresFolder } from './provide-postgres.ts';

/** Called at the end, last first. */
export type Closers = (() => Promise<void>)[];

/** The first retry interval for a database that was not ready at start; doubled each time. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

const NAMES_LOST =
  'a pooler in front of the database loses named statements between transactions, so requests will fail: set ' +
  'DATABASE_PREPARE=false, or give PgBouncer 1.21 or newer a max_prepared_statements above 0';

/**
 * Opens the configured database, the app's pool or an embedded one, migrated to the newest schema.
 *
 * If it is down, or another instance is migrating it, it is retried with growing intervals until it is ready, and so is
 * any later failure. Until then, `ping` throws, and whatever fails as a user is `database-unavailable`.
 * @throws if the first attempt finds the credentials refused, or a migration fails.
 */
export async function openDatabase(
  config: Pick<Config, 'database' | 'local'>,
  logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  closers: Closers,
  metrics: Metrics = NO_METRICS,
  pool?: GivenPool,
): Promise<{ database: Database; markerQueries: MarkerQueries; exclusively: Exclusively }> {
  const { driver, maxConnections, prepare, migrateOnStart } = config.database;
  const source: DatabaseSource =
    pool === undefined
      ? { url: config.database.url ?? (await startEmbeddedDatabase(config, logger, closers)) }
      : { pool };
  const { directUrl } = config.database;
  const direct = directUrl === undefined ? source : { url: directUrl };
  const watch = watchCalls(metrics, DATABASE_CALLEE);
  const database = await connectDatabase({ ...source, driver, maxConnections, prepare, watch });
  closers.push(database.close);

  /** `behind`: requests come, although the schema is not the newest yet. */
  let schema: 'unknown' | 'behind' | 'newest' = 'unknown';
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;
  closers.push(async () => {
    isClosed = true;
    clearTimeout(retry);
  });
  const bringUp = async () => {
    await requireUsableDatabase(database).catch((error: unknown) => {
      // It may be away, although it can be migrated at another URL.
      const isElsewhere = directUrl !== undefined && directUrl !== config.database.url;
      if (!isElsewhere || !(error instanceof Problem)) throw error;
    });
    if (migrateOnStart) await migrateDatabase({ ...direct, driver });
    else await requireMigrated(database);
    schema = 'newest';
    if (prepare && !ON_WORKERS && config.database.url !== undefined) warnOfPooler(config.database.url).catch(() => {});
  };
  const tryAgain = (error: unknown, pauseMs: number) => {
    if (isClosed) return;
    schema = 'behind';
    const inSeconds = pauseMs / 1000;
    if (error instanceof Problem) logger.warn({ err: error.cause, inSeconds }, 'the database is not ready; retrying');
    else logger.error({ err: error, inSeconds }, 'the database could not be migrated; retrying');
    retry = setTimeout(() => {
      bringUp().catch((again: unknown) => tryAgain(again, Math.min(pauseMs * 2, LONGEST_PAUSE_MS)));
    }, pauseMs);
  };
  const warnOfPooler = async (url: string) => {
    if ((await tryNamedStatements({ url, driver })) === 'lost') logger.warn({}, NAMES_LOST);
  };

  // A Worker has no timer to try again with: there, `ping` tries.
  try {
    if (!ON_WORKERS) await bringUp();
  } catch (error) {
    if (!(error instanceof Problem) || isRefused(error)) throw error;
    tryAgain(error, FIRST_PAUSE_MS);
  }
  const ping = async () => {
    if (ON_WORKERS && schema !== 'newest') await bringUp();
    if (schema !== 'newest') throw unavailable('database', new Error('the database is not at the newest schema yet'));
    await database.ping();
  };
  // Until then, statements fail in many ways: a missing role, column, function or right, a state that a check refuses.
  const unlessBehind = <T>(use: Promise<T>): Promise<T> =>
    use.catch((error: unknown) => {
      throw schema === 'behind' ? unavailable('database', error) : error;
    });
  const asUser: Database['asUser'] = (...query) => unlessBehind(database.asUser(...query));
  return {
    database: { ...database, asUser, ping },
    markerQueries: createMarkerQueries(database, hostOf(source)),
    exclusively: createLeases(database),
  };
}

/** Returns the URL of an embedded PostgreSQL; closing stops it. */
export async function startEmbeddedDatabase(
  config: Pick<Config, 'local'>,
  logger: Pick<Logger, 'info'>,
  closers: Closers,
) {
  const { startEmbeddedPostgres } = await import('../local/embedded-postgres/start-embedded-postgres.ts');
  const postgres = await startEmbeddedPostgres({
    directory: resolve(config.local.dataDir, 'postgres'),
    installed: postgresFolder(config.local),
    log: (line) => logger.info({}, line),
    keepsRunning: true,
  });
  closers.push(postgres.stop);
  return postgres.url;
}
