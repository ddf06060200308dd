import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import type { BucketConfig } from '../config/slices.ts';
import type { Slots } from '../net/slots.ts';
import { type CallWatch, NO_WATCH } from '../telemetry/watch-calls.ts';
import { believeOnlyTheBucket } from './only-the-bucket.ts';
import {
  CONNECT_WITHIN_MS,
  createTurns,
  limitBody,
  MAX_RUNNING,
  type RequestLimits,
  SLOW_WITHIN_MS,
  withDefaults,
} from './request-limits.ts';
import { watchRequests } from './watch-requests.ts';

/** One client per kind of request, by duration, so that slow requests cannot use up the connections of quick ones. */
export type S3Clients = {
  /** Quick requests that are rare: listings, markers, starting and aborting uploads. */
  quick: S3Client;
  /** Copying, and completing uploads. */
  slow: S3Client;
  /** Checking that the bucket answers. */
  probe: S3Client;
};

/**
 * The service's own clients, which share their credentials. They throw `UnmarkedAnswer` for an answer that does not
 * come from a bucket.
 */
export function createS3Clients(
  bucket: BucketConfig,
  turns: Slots = createTurns(),
  watch: CallWatch = NO_WATCH,
): S3Clients & { destroy: () => void } {
  // A request frees its place when the headers arrive; its connection may still be reading a list.
  const quick = createS3Client(bucket, { maxSockets: 2 * MAX_RUNNING });
  const shared = { ...bucket, credentials: quick.config.credentials };
  const slow = createS3Client(shared, { answerWithinMs: SLOW_WITHIN_MS });
  limitRunning(quick, turns);
  limitRunning(slow, createTurns());
  const clients = { quick, slow, probe: createS3Client(shared, { maxSockets: 4 }) };
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
  limits: Pick<RequestLimits, 'answerWithinMs' | 'maxSockets'> = {},
): S3Client {
  const { answerWithinMs, bodyWithinMs, maxSockets } = withDefaults(limits);
  const client = new S3Client({
    region: bucket.region,
    ...(bucket.credentials && { credentials: bucket.credentials }),
    ...(bucket.endpoint !== undefined && { endpoint: bucket.endpoint }),
    forcePathStyle: bucket.forcePathStyle,
    useDualstackEndpoint: bucket.useDualstackEndpoint,
    ...(bucket.useFipsEndpoint === false && { useFipsEndpoint: false }),
    maxAttempts: 2,
    // The last limit is for a stalled body: the second ends with the headers.
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MS,
      requestTimeout: answerWithinMs,
      throwOnRequestTimeout: true,
      socketTimeout: answerWithinMs,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    },
    // By default, the SDK requires checksums from stores that do not support them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  limitBodies(client, bodyWithinMs ?? Number.POSITIVE_INFINITY);
  return client;
}

function limitBodies(client: S3Client, withinMs: number): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const body = bodyOf(result.response);
      if (body instanceof Readable) limitBody(body, withinMs);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'limitBodies' },
  );
}

function bodyOf(response: unknown): unknown {
  return typeof response === 'object' && response !== null && 'body' in response ? response.body : undefined;
}

function limitRunning(client: S3Client, turns: Slots): void {
  client.middlewareStack.add((next) => (args) => turns.run('', () => next(args)), {
    step: 'initialize',
    name: 'limitRunning',
  });
}
