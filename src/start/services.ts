import type { SealServices } from '../audit/seal-audit-log.ts';
import type { Authorize } from '../auth/authorize.ts';
import { createTokenVerifier } from '../auth/verify-token.ts';
import { isOpenToOtherClients } from '../config/auth-config.ts';
import type { Config } from '../config/config.ts';
import { HELD_STATE } from '../contract/file-states.ts';
import type { Logger } from '../contract/logger.ts';
import { newUuidV7 } from '../contract/new-uuid-v7.ts';
import { createAuditLog } from '../db/create-audit-log.ts';
import { createFileQueries, type FileQueries } from '../db/create-file-queries.ts';
import { createHeldQueries } from '../db/create-held-queries.ts';
import { createRateQueries } from '../db/create-rate-queries.ts';
import { createSealQueries } from '../db/create-seal-queries.ts';
import { createSweepQueries } from '../db/create-sweep-queries.ts';
import type { GivenPool } from '../db/given-pool.ts';
import { trackUse } from '../db/track-use.ts';
import { createReaderSlots } from '../files/read-content.ts';
import type { AppServices } from '../http/app.ts';
import { readClocks } from '../jobs/agreed-clocks.ts';
import { keepWatermark } from '../jobs/keep-watermark.ts';
import type { JobServices } from '../jobs/start-jobs.ts';
import { createSweeperHealth } from '../jobs/sweep-refused.ts';
import { readDevSecrets } from '../local/dev-secrets.ts';
import { ON_WORKERS } from '../net/on-workers.ts';
import { createMetrics, type Metrics, NO_METRICS } from '../telemetry/create-metrics.ts';
import { createAdoptingSlots } from '../uploads/adopt-upload.ts';
import { createConfirmingSlots } from '../uploads/confirm-upload.ts';
import { createConfirmedIds } from '../uploads/confirmed-ids.ts';
import { createFreezer } from '../uploads/freeze-object.ts';
import { createIdSigner } from '../uploads/id-signer.ts';
import type { OnConfirmed } from '../uploads/tell-confirmed.ts';
import { loadContentCheck } from '../uploads/verify-object.ts';
import { mintDemoToken } from './demo-token.ts';
import { type Closers, openDatabase } from './open-database.ts';
import { openReceipts } from './open-receipts.ts';
import { openScanner } from './open-scanner.ts';
import { openStorage } from './open-storage.ts';
import { openWebhooks } from './open-webhooks.ts';
import { readAuth } from './read-auth.ts';
import { trackLeases, watchServices } from './watch-services.ts';

export type Services = AppServices &
  JobServices &
  SealServices & {
    config: Config;
    /** For files that were within the quota when confirmed. Its inserts are not noted in the bucket's marker. */
    filesWithoutQuota: Pick<FileQueries, 'insert'>;
    /** Waits for what still runs after the answers. Never throws. */
    settled: () => Promise<void>;
    /** Closes what was opened, in reverse order. Runs only once. */
    close: () => Promise<void>;
  };

type ServicesOptions = {
  logger: Logger;
  /** Directory of the built page. Default: no page. In production there is never a page. */
  pageFolder?: string;
  now?: () => Date;
  /** The app's own parts, in place of tokens and after a confirmation. */
  authorize?: Authorize | undefined;
  onConfirmed?: OnConfirmed | undefined;
  /** The app's pool, in place of a URL in the settings. */
  pool?: GivenPool | undefined;
  /** Where the service is mounted, like `/api/uploads`. Default: at the root. */
  basePath?: string | undefined;
  /** Aborted when the service is about to stop, so that `/readyz` reports it. Default: never. */
  stopping?: AbortSignal;
  /** Where everything is counted. Default: metrics of its own with `METRICS_PORT`, else nowhere. */
  metrics?: Metrics;
};

/**
 * How long platforms that stop the process after an answer wait for webhooks: a Worker has answered by then, a Lambda
 * function has not.
 */
const WEBHOOKS_SETTLED_WITHIN_MS = ON_WORKERS ? 20_000 : 1_000;

/** How long after the start the remaining modules are loaded: before a deployment can replace their files. */
const WARM_AFTER_MS = 1_000;

/**
 * Builds the services that the configuration asks for, with the embedded bucket and database if none is configured. All
 * invalid settings are found here. A database that is down is not an error: uploads are signed without it, and it is
 * migrated when it is back.
 * @throws if a port is taken, credentials are not available, the bucket's URLs cannot be signed, or a migration fails.
 */
export async function createServices(
  config: Config,
  {
    logger: anyLogger,
    pageFolder,
    now = () => new Date(),
    stopping = new AbortController().signal,
    metrics: givenMetrics,
    pool,
    ...app
  }: ServicesOptions,
): Promise<Services> {
  const logger = withoutThrowing(anyLogger);
  const closers: Closers = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const metrics = givenMetrics ?? (config.server.metricsPort === null ? NO_METRICS : await createMetrics());
    await lockEmbedded(config, closers);
    const [storage, { database: opened, markerQueries, exclusively }, verifyToken, ids, receipts] = await Promise.all([
      openStorage(config, now, logger, closers, metrics),
      openDatabase(config, logger, closers, metrics, pool),
      app.authorize === undefined ? openVerifier(config, now, logger) : undefined,
      openIdSigner(config),
      openReceipts(config),
    ]);
    const database = trackUse(opened);
    const auditLog = createAuditLog(database);
    closers.push(auditLog.settle);
    const sweeperHealth = createSweeperHealth();
    const watermark = keepWatermark({ ...storage, markerQueries, sweeperHealth, logger, newId: newUuidV7, now });
    closers.push(watermark.close);
    const webhooks = await openWebhooks(config, { database, logger, metrics, now });
    if (webhooks !== null) closers.push(webhooks.close);
    const files = createFileQueries(database, config.limits.quota, webhooks?.soon);
    const slots = { content: createReaderSlots(), confirm: createConfirmingSlots(), ...(webhooks && { webhooks }) };
    const leases = trackLeases(exclusively);
    const heldQueries = createHeldQueries(database);
    const scanner = openScanner(config, { ...storage, ...leases, heldQueries, files, logger, metrics, now });
    if (scanner !== null) closers.push(scanner.close);
    if (!ON_WORKERS) setTimeout(() => void loadContentCheck(), WARM_AFTER_MS).unref();
    closers.push(await watchServices(metrics, { database, slots, sweeperHealth, leases }));
    return {
      ...app,
      config,
      logger,
      metrics,
      now,
      stopping,
      newId: newUuidV7,
      ids,
      freezer: createFreezer(),
      newRequestId: () => crypto.randomUUID(),
      verifyToken,
      receipts,
      database,
      exclusively: leases.exclusively,
      files: {
        ...files,
        insert: async (file, act, quota) => {
          const row = await files.insert(file, act, quota);
          if (row !== null) watermark.note(row);
          if (row?.status === HELD_STATE) scanner?.soon();
          return row;
        },
      },
      filesWithoutQuota: createFileQueries(database, { bytes: null, files: null }),
      markerQueries,
      watermark,
      sweeperHealth,
      readClocks: () => readClocks({ ...storage, markerQueries, now }),
      readers: slots.content,
      confirming: slots.confirm,
      adopting: createAdoptingSlots(),
      confirmed: createConfirmedIds(),
      sweepQueries: createSweepQueries(database, webhooks?.soon),
      webhooks,
      heldQueries,
      scanner,
      rates: config.server.rateLimitStore === 'postgres' ? createRateQueries(database) : null,
      sealQueries: createSealQueries(database),
      auditLog,
      page:
        config.server.production || pageFolder === undefined
          ? null
          : { folder: pageFolder, mintToken: () => mintDemoToken(config, now) },
      ...storage,
      settled: async () => {
        await Promise.all([auditLog.settle(), watermark.settleIfDue(), webhooks?.settle(WEBHOOKS_SETTLED_WITHIN_MS)]);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Locks the data directory, if the bucket or the database is in it, before either is opened.
 * @throws naming the process that holds it.
 */
export async function lockEmbedded(
  config: Pick<Config, 'bucket' | 'database' | 'local'>,
  closers: Closers,
): Promise<void> {
  if (config.bucket !== null && !config.database.isEmbedded) return;
  const { lockDataDirectory } = await import('../local/lock-data-directory.ts');
  closers.push(await lockDataDirectory(config.local.dataDir));
}

/** Signs with the configured secrets, or in development with the one kept in `DATA_DIR`. */
async function openIdSigner({ uploadIds, local }: Pick<Config, 'uploadIds' | 'local'>) {
  if (uploadIds.secrets.length > 0) return createIdSigner(uploadIds.secrets);
  return createIdSigner([(await readDevSecrets(local.dataDir)).jwtSecret]);
}

async function openVerifier(config: Pick<Config, 'auth' | 'server' | 'local'>, now: () => Date, logger: Logger) {
  if (config.server.production && isOpenToOtherClients(config.auth)) {
    logger.warn(
      {},
      'neither JWT_AUDIENCE nor JWT_CLIENT_IDS is set for an issuer: all its tokens are accepted, for any application',
    );
  }
  if (config.auth.keys.some(({ kind, value }) => kind === 'secret' && /[,\n]/.test(value))) {
    logger.warn(
      {},
      'JWT_SECRET has a comma or a line break and is read as one secret, because a part of it is too short',
    );
  }
  return createTokenVerifier({
    ...(await readAuth(config)),
    now,
    onRefreshFailed: (err, hasKeys) => {
      if (hasKeys) logger.warn({ err }, 'JWKS_URL could not be fetched: the last good keys are kept');
      else logger.error({ err }, 'JWKS_URL could not be fetched: until it is, its tokens cannot be verified');
    },
  });
}

/** The logger, with its errors caught: a request does not fail because its log line does. */
function withoutThrowing(logger: Logger): Logger {
  const log = (level: keyof Logger) => (fields: Record<string, unknown>, message: string) => {
    try {
      logger[level](fields, message);
    } catch {
      // The error cannot be logged either.
    }
  };
  return { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
}
