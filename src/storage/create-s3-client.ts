import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import type { BucketConfig } from '../config/slices.ts';
import { busy } from '../contract/errors.ts';
import { createSlots } from '../net/slots.ts';
import { type CallWatch, NO_WATCH } from '../telemetry/watch-calls.ts';
import { believeOnlyTheBucket } from './only-the-bucket.ts';
import { watchRequests } from './watch-requests.ts';

/** The time limit for copying, or for completing an upload of thousands of parts. */
export const SLOW_WITHIN_MS = 60_000;

/** How many files may be read through the service at once. */
export const MAX_READERS = 200;

/** How many files may be hashed at once, for a store that keeps no checksums. */
export const MAX_HASHED = 2;

/** How many quick and how many slow requests may run at once. */
const MAX_RUNNING = 64;

/** How long a request waits for its turn. */
const TURN_WITHIN_MS = 4_000;

/** One client per kind of request, by duration, so that slow requests cannot use up the connections of quick ones. */
export type S3Clients = {
  /** Quick requests: HEAD, first bytes, listings, starting and aborting uploads. */
  quick: S3Client;
  /** Copying, and completing uploads. */
  slow: S3Client;
  /** Reading files through the service. */
  content: S3Client;
  /** Reading files to hash them. */
  hashing: S3Client;
  /** Checking that the bucket answers. */
  probe: S3Client;
};

type ClientOptions = {
  /** Time limit for the headers of an answer, and for each chunk of its body. Default 5,000. */
  answerWithinMs?: number;
  /** Time limit for the whole body; null if the reader limits it. Default: twice `answerWithinMs`. */
  bodyWithinMs?: number | null;
  /** Whether a body may pause longer than `answerWithinMs`; then the reader limits that too. Default false. */
  mayPause?: boolean;
  /** Maximum connections; default 64. */
  maxSockets?: number;
  /** Maximum concurrent requests; others wait. Default: limited by the connections only. */
  maxRunning?: number;
};

/**
 * The service's own clients, which share their credentials. They throw `UnmarkedAnswer` for an answer that does not
 * come from a bucket.
 */
export function createS3Clients(
  bucket: BucketConfig,
  watch: CallWatch = NO_WATCH,
): S3Clients & { destroy: () => void } {
  // A request frees its place when the headers arrive; its connection may still be reading first bytes.
  const quick = createS3Client(bucket, { maxSockets: 2 * MAX_RUNNING, maxRunning: MAX_RUNNING });
  const shared = { ...bucket, credentials: quick.config.credentials };
  const clients = {
    quick,
    slow: createS3Client(shared, { answerWithinMs: SLOW_WITHIN_MS, maxRunning: MAX_RUNNING }),
    content: createS3Client(shared, { maxSockets: MAX_READERS, bodyWithinMs: null, mayPause: true }),
    hashing: createS3Client(shared, { maxSockets: MAX_HASHED, bodyWithinMs: null }),
    probe: createS3Client(shared, { maxSockets: 4 }),
  };
  for (const client of Object.values(clients)) {
    believeOnlyTheBucket(client);
    watchRequests(client, watch);
  }
  return {
    ...clients,
    destroy: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

/**
 * A client for the bucket. Waits are bounded and there is one retry: a bucket that does not answer becomes a 503 within
 * seconds, and the caller repeats the call.
 */
export function createS3Client(
  bucket: Omit<BucketConfig, 'credentials'> & {
    credentials?: BucketConfig['credentials'] | S3Client['config']['credentials'];
  },
  options: ClientOptions = {},
): S3Client {
  const { answerWithinMs = 5_000, mayPause = false, maxSockets = MAX_RUNNING, maxRunning } = options;
  const { bodyWithinMs = 2 * answerWithinMs } = options;
  const client = new S3Client({
    region: bucket.region,
    ...(bucket.credentials && { credentials: bucket.credentials }),
    ...(bucket.endpoint !== undefined && { endpoint: bucket.endpoint }),
    forcePathStyle: bucket.forcePathStyle,
    useDualstackEndpoint: bucket.useDualstackEndpoint,
    maxAttempts: 2,
    // The last limit is for a stalled body: the second ends with the headers.
    requestHandler: {
      connectionTimeout: 2_000,
      requestTimeout: answerWithinMs,
      throwOnRequestTimeout: true,
      socketTimeout: mayPause ? 0 : answerWithinMs,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    },
    // By default, the SDK requires checksums from stores that do not support them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  if (bodyWithinMs !== null) limitBodies(client, bodyWithinMs);
  if (maxRunning !== undefined) limitRunning(client, maxRunning);
  return client;
}

/**
 * Limits the time for the whole body: a body that arrives byte by byte never pauses, and would keep its connection
 * forever.
 */
function limitBodies(client: S3Client, withinMs: number): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const body = bodyOf(result.response);
      if (body instanceof Readable) {
        const timer = setTimeout(
          () => body.destroy(new Error(`the answer was not complete within ${withinMs} ms`)),
          withinMs,
        );
        timer.unref();
        body.once('close', () => clearTimeout(timer));
      }
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'limitBodies' },
  );
}

function bodyOf(response: unknown): unknown {
  return typeof response === 'object' && response !== null && 'body' in response ? response.body : undefined;
}

/** Makes requests wait their turn; after 4 seconds they fail with `busy`, which differs from an unavailable bucket. */
function limitRunning(client: S3Client, maxRunning: number): void {
  const slots = createSlots({
    inAll: maxRunning,
    waitMs: TURN_WITHIN_MS,
    refuse: () => busy('too many requests are waiting for the bucket'),
  });
  client.middlewareStack.add((next) => (args) => slots.run('', () => next(args)), {
    step: 'initialize',
    name: 'limitRunning',
  });
}
