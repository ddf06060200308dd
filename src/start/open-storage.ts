import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { BucketConfig } from '../config/slices.ts';
import { throwUnavailable } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import { MARKER_NAME, OBJECTION_NAME } from '../jobs/examine-marker.ts';
import { readDevSecrets } from '../local/dev-secrets.ts';
import { EMBEDDED_BUCKET } from '../local/embedded-bucket.ts';
import { inTime } from '../net/in-time.ts';
import { rememberCredentials } from '../signing/credentials.ts';
import { resolveEndpoint } from '../signing/resolve-endpoint.ts';
import { HARMFUL_HEADERS } from '../signing/signing-endpoint.ts';
import { openBucket } from '../storage/bucket.ts';
import { readBucketClock } from '../storage/bucket-clock.ts';
import { createBucketMarker } from '../storage/bucket-marker.ts';
import { createS3Clients } from '../storage/create-s3-client.ts';
import { createBucketLister } from '../storage/list-bucket.ts';
import { createMultipartUploads } from '../storage/multipart-uploads.ts';
import { openObjectRequests } from '../storage/open-object-requests.ts';
import { createTurns } from '../storage/request-limits.ts';
import { createRoleSessions } from '../storage/role-sessions.ts';
import { setUpBucket } from '../storage/set-up-bucket.ts';
import { BUCKET_CALLEE } from '../storage/watch-requests.ts';
import { type Metrics, NO_METRICS } from '../telemetry/create-metrics.ts';
import { watchCalls } from '../telemetry/watch-calls.ts';
import type { Closers } from './open-database.ts';

/** How long a request waits for credentials that must be fetched. */
const CREDENTIALS_WITHIN_MS = 5_000;

const NO_CREDENTIALS =
  'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: neither is set, and no profile (AWS_PROFILE), web identity, container ' +
  'or instance role has credentials for this service';

const EXPIRED = 'AWS_CREDENTIAL_EXPIRATION: the credentials have expired';

/** The bucket and its signer; see `createServices`. */
export async function openStorage(
  config: Pick<Config, 'bucket' | 'store' | 'sts' | 'urls' | 'server' | 'local'>,
  now: () => Date,
  logger: Logger,
  closers: Closers,
  metrics: Metrics = NO_METRICS,
) {
  const bucketConfig: BucketConfig = config.bucket ?? (await startEmbeddedBucket(config, logger, closers));
  const watch = watchCalls(metrics, BUCKET_CALLEE);
  const turns = createTurns();
  const clients = createS3Clients(bucketConfig, turns, watch);
  const { quick } = clients;
  closers.push(async () => clients.destroy());
  if (config.bucket === null) await setUpBucket(quick, bucketConfig.name, config.server.allowedOrigins);

  const { name: bucket, credentials: _, endpoint: ownUrl, useAccelerateEndpoint, ...place } = bucketConfig;
  const reachedAt = (endpoint: string | undefined, more: { useAccelerateEndpoint?: boolean }) =>
    resolveEndpoint({ bucket, ...place, ...more, ...(endpoint !== undefined && { endpoint }) });
  // Clients may reach the bucket elsewhere than the service itself.
  const [resolved, ownEndpoint] = await Promise.all([
    reachedAt(config.urls.s3Endpoint ?? ownUrl, { useAccelerateEndpoint }),
    reachedAt(ownUrl, {}),
  ]);
  const endpoint = { ...resolved, ...(config.store.absentHeadersSigned && { absentHeaders: HARMFUL_HEADERS }) };
  const remembered = rememberCredentials(() => quick.config.credentials(), now);
  try {
    await remembered();
  } catch (cause) {
    throw new Error(config.bucket?.credentials === undefined ? NO_CREDENTIALS : EXPIRED, { cause });
  }
  const credentials = () => {
    const known = remembered();
    if (!(known instanceof Promise)) return known;
    return inTime(known, CREDENTIALS_WITHIN_MS).catch(throwUnavailable('storage'));
  };
  const objects = openObjectRequests({ endpoint: ownEndpoint, credentials, store: config.store, now, watch, turns });
  closers.push(objects.close);
  const opened = openBucket(clients, objects, bucket, config.store);
  opened
    .ping()
    .catch(({ cause }) => logger.warn({ err: cause }, 'the bucket does not answer, or refuses these credentials'));
  return {
    bucket: opened,
    lister: createBucketLister(quick, bucket),
    marker: createBucketMarker(quick, bucket, config.store.keyPrefix + MARKER_NAME, config.store),
    objection: createBucketMarker(quick, bucket, config.store.keyPrefix + OBJECTION_NAME, config.store),
    bucketClock: () => readBucketClock(quick, bucket),
    multipart: createMultipartUploads(clients, bucket, { ping: opened.ping, store: config.store }),
    endpoint,
    credentials,
    roleSessions:
      config.sts && createRoleSessions(bucketConfig, config.sts, config.store.keyPrefix, async () => credentials()),
  };
}

async function startEmbeddedBucket(
  config: Pick<Config, 'local' | 'server'>,
  logger: Logger,
  closers: Closers,
): Promise<BucketConfig> {
  const { startLocalS3 } = await import('../local/s3/start-local-s3.ts');
  const { s3SecretAccessKey: secretAccessKey } = await readDevSecrets(config.local.dataDir);
  const { name, accessKeyId, region } = EMBEDDED_BUCKET;
  const credentials = { accessKeyId, secretAccessKey };
  const local = await startLocalS3({
    host: config.server.host,
    port: config.local.s3Port,
    region,
    ...credentials,
    directory: join(config.local.dataDir, 'bucket'),
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
    useFipsEndpoint: false,
    useAccelerateEndpoint: false,
  };
}
