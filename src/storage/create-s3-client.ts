import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import type { BucketConfig } from '../config/config.ts';
import { busy } from '../contract/errors.ts';
import { createSlots } from '../net/slots.ts';
import { believeOnlyTheBucket } from './only-the-bucket.ts';

/** How long copying, or putting thousands of parts together, may take in all. */
export const PATIENCE_MS = 60_000;

/** Files that are read through the service at the same time, in all. */
export const MAX_READERS = 200;

/** Files whose bytes are hashed at the same time, for a store that keeps no checksums. */
export const MAX_HASHED = 2;

/** Requests at the same time, of those that take moments and of those that take long. */
const MAX_RUNNING = 64;

/** How long a request waits for its turn. */
const TURN_WITHIN_MS = 4_000;

/** What is asked of the bucket, apart by how long it takes: none may take the connections of another. */
export type S3Clients = {
  /** What takes moments: HEAD, first bytes, listings, beginning and aborting uploads. */
  quick: S3Client;
  /** Copying, and completing uploads. */
  slow: S3Client;
  /** Reading files through the service. */
  content: S3Client;
  /** Reading files to hash them. */
  hashing: S3Client;
  /** Asking whether the bucket answers. */
  probe: S3Client;
};

type ClientOptions = {
  /** How long the headers of an answer may take, and each piece of its body. Default 5,000. */
  answerWithinMs?: number;
  /** How long the whole body may take; the reader sees to it where it is null. Default: twice `answerWithinMs`. */
  bodyWithinMs?: number | null;
  /** Whether a body may pause for longer than `answerWithinMs`: then the reader sees to that as well. Default false. */
  mayPause?: boolean;
  /** Connections at most; default 64. */
  maxSockets?: number;
  /** Requests at the same time; more wait for their turn. Default: no bound but that of the connections. */
  maxRunning?: number;
};

/**
 * The clients of the service itself, which share their credentials. What does not come from a bucket is an error of
 * theirs (`UnmarkedAnswer`).
 */
export function createS3Clients(bucket: BucketConfig): S3Clients & { destroy: () => void } {
  // A place is free again when the headers are there; first bytes still come by its connection.
  const quick = createS3Client(bucket, { maxSockets: 2 * MAX_RUNNING, maxRunning: MAX_RUNNING });
  const shared = { ...bucket, credentials: quick.config.credentials };
  const clients = {
    quick,
    slow: createS3Client(shared, { answerWithinMs: PATIENCE_MS, maxRunning: MAX_RUNNING }),
    content: createS3Client(shared, { maxSockets: MAX_READERS, bodyWithinMs: null, mayPause: true }),
    hashing: createS3Client(shared, { maxSockets: MAX_HASHED, bodyWithinMs: null }),
    probe: createS3Client(shared, { maxSockets: 4 }),
  };
  for (const client of Object.values(clients)) believeOnlyTheBucket(client);
  return {
    ...clients,
    destroy: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

/**
 * A client for the bucket. Bounded waits, one retry: a bucket that does not answer is a 503 within seconds, and the
 * caller repeats the call.
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
    // The last one is for a body that stalls: the second ends with the headers.
    requestHandler: {
      connectionTimeout: 2_000,
      requestTimeout: answerWithinMs,
      throwOnRequestTimeout: true,
      socketTimeout: mayPause ? 0 : answerWithinMs,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    },
    // The SDK's own default would demand checksums of stores that do not know them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  if (bodyWithinMs !== null) boundBodies(client, bodyWithinMs);
  if (maxRunning !== undefined) takeTurns(client, maxRunning);
  return client;
}

/** A body that comes a byte at a time never pauses, and would keep its request and its connection for ever. */
function boundBodies(client: S3Client, withinMs: number): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const body = bodyOf(result.response);
      if (body instanceof Readable) {
        const timer = setTimeout(() => body.destroy(new Error(`no whole answer within ${withinMs} ms`)), withinMs);
        timer.unref();
        body.once('close', () => clearTimeout(timer));
      }
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'boundBodies' },
  );
}

function bodyOf(response: unknown): unknown {
  return typeof response === 'object' && response !== null && 'body' in response ? response.body : undefined;
}

/** Whoever would only wait for a connection is told so: that is not a bucket that does not answer. */
function takeTurns(client: S3Client, maxRunning: number): void {
  const slots = createSlots({
    inAll: maxRunning,
    waitMs: TURN_WITHIN_MS,
    refuse: () => busy('too many requests are waiting for the bucket'),
  });
  client.middlewareStack.add((next) => (args) => slots.run('', () => next(args)), {
    step: 'initialize',
    name: 'takeTurns',
  });
}
