import { join } from 'node:path';
import type { SealServices } from '../audit/seal-audit-log.ts';
import { createTokenVerifier } from '../auth/verify-token.ts';
import { isOpenToOtherClients } from '../config/auth-config.ts';
import type { BucketConfig, Config } from '../config/config.ts';
import { unavailable } from '../contract/errors.ts';
import { createAuditLog } from '../db/create-audit-log.ts';
import { createFiles, type Files } from '../db/create-files.ts';
import { createSealQueries } from '../db/create-seal-queries.ts';
import { createSweepQueries } from '../db/create-sweep-queries.ts';
import { trackUse } from '../db/track-use.ts';
import { createReaderSlots } from '../files/read-content.ts';
import type { AppServices } from '../http/app.ts';
import { type Logger, withoutThrowing } from '../http/observe.ts';
import { readClocks } from '../jobs/agreed-clocks.ts';
import { MARKER_NAME, OBJECTION_NAME } from '../jobs/examine-marker.ts';
import { keepWatermark } from '../jobs/keep-watermark.ts';
import type { JobServices } from '../jobs/start-jobs.ts';
import { createSweeperHealth } from '../jobs/sweep-refused.ts';
import { readDevSecrets } from '../local/dev-secrets.ts';
import { EMBEDDED_BUCKET } from '../local/embedded-bucket.ts';
import { inTime } from '../net/in-time.ts';
import { rememberCredentials } from '../signing/credentials.ts';
import { HARMFUL_HEADERS } from '../signing/harmful-headers.ts';
import { resolveEndpoint } from '../signing/resolve-endpoint.ts';
import { openBucket } from '../storage/bucket.ts';
import { readBucketClock } from '../storage/bucket-clock.ts';
import { createBucketMarker } from '../storage/bucket-marker.ts';
import { createS3Clients } from '../storage/create-s3-client.ts';
import { createBucketLister } from '../storage/list-bucket.ts';
import { createMultipartUploads } from '../storage/multipart-uploads.ts';
import { setUpBucket } from '../storage/set-up-bucket.ts';
import { createConfirmingSlots } from '../uploads/confirm-upload.ts';
import { createFreezer } from '../uploads/freeze-object.ts';
import { createIdSigner } from '../uploads/id-signer.ts';
import { mintDemoToken } from './demo-token.ts';
import { type Closers, openDatabase } from './open-database.ts';
import { readAuth } from './token-key.ts';

/** How long a request waits for credentials that must be fetched. */
const CREDENTIALS_WITHIN_MS = 5_000;

const NO_CREDENTIALS =
  'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: neither is set, and no profile (AWS_PROFILE), web identity, container or ' +
  'instance role has credentials for this service';

export type Services = AppServices &
  JobServices &
  SealServices & {
    /** For files that were within the quota when confirmed. Its inserts are not noted in the bucket's marker. */
    filesWithoutQuota: Pick<Files, 'insert'>;
    /** Closes what was opened, in reverse order. Runs only once. */
    close: () => Promise<void>;
  };

export type ServicesOptions = {
  logger: Logger;
  migrationsFolder: string;
  /** Directory of the built demo page. Default: no page. In production there is never a page. */
  pageFolder?: string;
  now?: () => Date;
  /** Aborted when the service is about to stop, so that `/readyz` reports it. Default: never. */
  stopping?: AbortSignal;
};

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
    migrationsFolder,
    pageFolder,
    now = () => new Date(),
    stopping = new AbortController().signal,
  }: ServicesOptions,
): Promise<Services> {
  const logger = withoutThrowing(anyLogger);
  const closers: Closers = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    await lockEmbedded(config, closers);
    const [storage, { database: opened, markerQueries, exclusively }, verifyToken, ids] = await Promise.all([
      openStorage(config, now, logger, closers),
      openDatabase(config, migrationsFolder, logger, closers),
      openVerifier(config, now, logger),
      openIdSigner(config),
    ]);
    const database = trackUse(opened);
    const auditLog = createAuditLog(database);
    closers.push(auditLog.settle);
    const sweeperHealth = createSweeperHealth();
    const watermark = keepWatermark({ ...storage, markerQueries, sweeperHealth, logger, newId: newUuidV7, now });
    closers.push(watermark.close);
    const files = createFiles(database, config.quota);
    return {
      config,
      logger,
      now,
      stopping,
      newId: newUuidV7,
      ids,
      freezer: createFreezer(),
      newRequestId: () => crypto.randomUUID(),
      verifyToken,
      database,
      exclusively,
      files: {
        ...files,
        insert: async (file, act) => {
          const row = await files.insert(file, act);
          if (row !== null) watermark.note(row);
          return row;
        },
      },
      filesWithoutQuota: createFiles(database, { bytes: null, files: null }),
      markerQueries,
      watermark,
      sweeperHealth,
      readClocks: () => readClocks({ ...storage, markerQueries, now }),
      readers: createReaderSlots(),
      confirming: createConfirmingSlots(),
      sweepQueries: createSweepQueries(database),
      sealQueries: createSealQueries(database),
      auditLog,
      page:
        config.production || pageFolder === undefined
          ? null
          : { folder: pageFolder, mintToken: () => mintDemoToken(config, now) },
      ...storage,
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
  config: Pick<Config, 'bucket' | 'database' | 'dataDir'>,
  closers: Closers,
): Promise<void> {
  if (config.bucket !== null && config.database.url !== undefined) return;
  const { lockDataDirectory } = await import('../local/lock-data-directory.ts');
  closers.push(await lockDataDirectory(config.dataDir));
}

/** The bucket and its signer; see `createServices`. */
export async function openStorage(config: Config, now: () => Date, logger: Logger, closers: Closers) {
  const bucketConfig = config.bucket ?? (await startEmbeddedBucket(config, logger, closers));
  const clients = createS3Clients(bucketConfig);
  const { quick } = clients;
  closers.push(async () => clients.destroy());
  if (config.bucket === null) await setUpBucket(quick, bucketConfig.name, config.allowedOrigins);

  const { name: bucket, region, forcePathStyle, useDualstackEndpoint, useAccelerateEndpoint } = bucketConfig;
  const publicEndpoint = config.publicS3Endpoint ?? bucketConfig.endpoint;
  const resolved = await resolveEndpoint({
    ...{ bucket, region, forcePathStyle, useDualstackEndpoint, useAccelerateEndpoint },
    ...(publicEndpoint !== undefined && { endpoint: publicEndpoint }),
  });
  const endpoint = { ...resolved, ...(config.store.absentHeadersSigned && { absentHeaders: HARMFUL_HEADERS }) };
  const remembered = rememberCredentials(() => quick.config.credentials(), now);
  try {
    await remembered();
  } catch (cause) {
    throw new Error(NO_CREDENTIALS, { cause });
  }
  const credentials = () => {
    const known = remembered();
    if (!(known instanceof Promise)) return known;
    return inTime(known, CREDENTIALS_WITHIN_MS).catch((error: unknown) => {
      throw unavailable('storage', error);
    });
  };
  const opened = openBucket(clients, bucket, config.store);
  opened
    .ping()
    .catch(({ cause }) => logger.warn({ err: cause }, 'the bucket does not answer, or not to these credentials'));
  return {
    bucket: opened,
    lister: createBucketLister(quick, bucket),
    marker: createBucketMarker(quick, bucket, config.keyPrefix + MARKER_NAME, config.sse),
    objection: createBucketMarker(quick, bucket, config.keyPrefix + OBJECTION_NAME, config.sse),
    bucketClock: () => readBucketClock(quick, bucket),
    multipart: createMultipartUploads(clients, bucket, { ping: opened.ping, store: config.store }),
    endpoint,
    credentials,
  };
}

async function startEmbeddedBucket(
  config: Pick<Config, 'dataDir' | 'host' | 'localS3Port'>,
  logger: Logger,
  closers: Closers,
): Promise<BucketConfig> {
  const { startLocalS3 } = await import('../local/s3/start-local-s3.ts');
  const { s3SecretAccessKey: secretAccessKey } = await readDevSecrets(config.dataDir);
  const { name, accessKeyId, region } = EMBEDDED_BUCKET;
  const credentials = { accessKeyId, secretAccessKey };
  const local = await startLocalS3({
    ...{ host: config.host, port: config.localS3Port, region, ...credentials },
    directory: join(config.dataDir, 'bucket'),
    onError: (err) => logger.error({ err }, 'the embedded bucket failed a request'),
  });
  closers.push(local.close);
  return {
    name,
    region,
    credentials,
    endpoint: local.url,
    forcePathStyle: true,
    useDualstackEndpoint: false,
    useAccelerateEndpoint: false,
  };
}

/** Signs with the configured secrets, or in development with the one kept in `DATA_DIR`. */
async function openIdSigner({ uploadIdSecrets, dataDir }: Config) {
  if (uploadIdSecrets.length > 0) return createIdSigner(uploadIdSecrets);
  return createIdSigner([(await readDevSecrets(dataDir)).jwtSecret]);
}

async function openVerifier(config: Pick<Config, 'auth' | 'production' | 'dataDir'>, now: () => Date, logger: Logger) {
  if (config.production && isOpenToOtherClients(config.auth)) {
    logger.warn(
      {},
      'neither JWT_AUDIENCE nor JWT_CLIENT_IDS is set for an issuer: each of its tokens is accepted, whatever it was made for',
    );
  }
  if (config.auth.keys.some(({ kind, value }) => kind === 'secret' && /[,\n]/.test(value))) {
    logger.warn(
      {},
      'JWT_SECRET has a comma or a line break and is taken as one secret: of several, a part is too short',
    );
  }
  return createTokenVerifier({
    ...(await readAuth(config)),
    now,
    onRefreshFailed: (err, hasKeys) => {
      if (hasKeys) logger.warn({ err }, 'JWKS_URL could not be fetched: the last good keys stay');
      else logger.error({ err }, 'JWKS_URL could not be fetched: until it is, its tokens cannot be verified');
    },
  });
}

/**
 * A UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then the 74 random bits of a UUIDv4. Node draws random
 * bits in batches; a library that does not takes 3 to 8 µs per id.
 */
export function newUuidV7(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}
