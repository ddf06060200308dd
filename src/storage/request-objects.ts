import { setTimeout as pause } from 'node:timers/promises';
import type { Store } from '../config/slices.ts';
import { Problem } from '../contract/errors.ts';
import type { Slots } from '../net/slots.ts';
import type { Credentials } from '../signing/credentials.ts';
import { signRequest } from '../signing/sign-request.ts';
import type { SigningEndpoint } from '../signing/signing-endpoint.ts';
import { activeTraceparent } from '../telemetry/trace-request.ts';
import type { CallWatch } from '../telemetry/watch-calls.ts';
import { readingHeaders } from './encryption.ts';
import { isOfBucket, UnmarkedAnswer } from './only-the-bucket.ts';
import type { Connections, RawAnswer } from './open-connections.ts';
import { isS3Failure, S3Error } from './s3-failure.ts';

/** The operations on one object that the service sends most often. */
const METHODS = { HeadObject: 'HEAD', GetObject: 'GET', DeleteObject: 'DELETE' } as const;

export type ObjectRequest = {
  operation: keyof typeof METHODS;
  key: string;
  /** The master key from which the object's own key is derived (SSE-C); null or absent: it needs none. */
  sseKeyId?: string | null;
  query?: Readonly<Record<string, string>>;
  /** Names in lower case; all are signed. */
  headers?: Readonly<Record<string, string>>;
};

/**
 * Sends a request on an object, with one retry; see `requestObjects`.
 * @returns a successful answer. Only that of GetObject has a body, which the caller must read or destroy.
 * @throws {S3Error} the bucket's error. {UnmarkedAnswer} The answer may not come from a bucket. {Problem}
 * `storage-unavailable`: no credentials, or no turn in time. {Error} The network's.
 */
export type SendObjectRequest = (request: ObjectRequest) => Promise<RawAnswer>;

export type ObjectRequestOptions = {
  connections: Pick<Connections, 'send'>;
  /** Where the service itself reaches the bucket. */
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  /** How the objects are encrypted. */
  store: Pick<Store, 'sse'>;
  now: () => Date;
  watch: CallWatch;
  /** Limits concurrent requests, each until its answer begins. Default: only the connections limit them. */
  turns?: Slots;
};

/** One for each kind of request, so that slow ones cannot use up the connections of quick ones. */
export type ObjectRequests = {
  /** HEAD, first bytes, DELETE. */
  quick: SendObjectRequest;
  /** Reading files through the service. */
  content: SendObjectRequest;
  /** Reading files to hash them. */
  hashing: SendObjectRequest;
};

/** Requests are valid while the clocks differ by less than this: S3 allows 15 minutes. */
const MAX_SKEW_MS = 240_000;

/** Longer error bodies are not from S3. */
const MAX_ERROR_BYTES = 65_536;

/** As in the AWS SDK's standard mode: the longest pause; and there are retries only while most requests succeed. */
const PAUSE_MS = 100;
const THROTTLED_PAUSE_MS = 500;
const MAX_RETRY_TOKENS = 500;
const RETRY_TOKENS = 5;

/**
 * Requests on objects that the service signs itself, in less than a twentieth of the SDK's CPU time. Errors, the retry,
 * its conditions and the correction of a wrong clock are as in the SDK; `test/storage/request-objects.test.ts` compares
 * them.
 */
export function requestObjects(options: ObjectRequestOptions): SendObjectRequest {
  const { connections, endpoint, credentials, store, now, watch, turns } = options;
  let clockOffsetMs = 0;
  let retryTokens = MAX_RETRY_TOKENS;

  async function attempt({ operation, key, sseKeyId = null, query, ...asked }: ObjectRequest): Promise<RawAnswer> {
    const method = METHODS[operation];
    const headers =
      sseKeyId === null ? asked.headers : { ...asked.headers, ...readingHeaders(store, { key, sseKeyId }) };
    const offsetMs = clockOffsetMs;
    const known = credentials();
    const signed = signRequest(
      endpoint,
      known instanceof Promise ? await known : known,
      { method, key, ...(query && { query }), ...(headers && { headers }) },
      new Date(now().getTime() + offsetMs),
    );
    const traceparent = activeTraceparent();
    // Set after signing, since a proxy may replace it.
    if (traceparent !== null) signed.headers.traceparent = traceparent;
    const answer = await connections.send({ method, ...signed });
    if (!isOfBucket(method, answer.status, answer.headers)) {
      answer.body.destroy();
      throw new UnmarkedAnswer(method, answer.status);
    }
    if (method === 'GET' && answer.status < 300) return answer;
    const text = await textOf(answer.body);
    if (answer.status < 300 && !text.trimEnd().endsWith('</Error>')) return answer;

    const skewMs = skewOf(answer.headers, now());
    // Retried, too, if a concurrent request has corrected the clock meanwhile.
    const isCorrected = skewMs !== null && Math.abs(skewMs - offsetMs) >= MAX_SKEW_MS;
    if (isCorrected) clockOffsetMs = skewMs;
    // An error in the body of a successful answer is temporary: it counts as a 503, as in the SDK.
    throw Object.assign(new S3Error(answer.status < 300 ? 503 : answer.status, text), { isCorrected });
  }

  async function send(request: ObjectRequest): Promise<RawAnswer> {
    try {
      const answer = await attempt(request);
      retryTokens = Math.min(MAX_RETRY_TOKENS, retryTokens + 1);
      return answer;
    } catch (error) {
      const maxPauseMs = pauseAfter(error);
      if (maxPauseMs === null || retryTokens < RETRY_TOKENS) throw error;
      retryTokens -= RETRY_TOKENS;
      await pause(Math.random() * maxPauseMs);
      const answer = await attempt(request);
      retryTokens = Math.min(MAX_RETRY_TOKENS, retryTokens + RETRY_TOKENS);
      return answer;
    }
  }

  const watched = (request: ObjectRequest) => watch.run(request.operation, () => send(request));
  return turns === undefined ? watched : (request) => turns.run('', () => watched(request));
}

/** S3's codes and statuses of a bucket that is busy, or has waited too long for the request. */
const THROTTLED = /^(SlowDown|BandwidthLimitExceeded|Throttl|RequestThrottled|RequestLimitExceeded|TooManyRequests)/;
const PASSING = [500, 502, 503, 504];

/** The longest pause before the request is sent again; null if another try would not help. */
function pauseAfter(error: unknown): number | null {
  if (error instanceof Problem || error instanceof UnmarkedAnswer) return null;
  // Errors of the network: refused, reset, timed out.
  if (!isS3Failure(error)) return PAUSE_MS;
  const status = error.$metadata.httpStatusCode;
  if (status === 429 || THROTTLED.test(error.name)) return THROTTLED_PAUSE_MS;
  const isPassing = PASSING.includes(status) || error.name === 'RequestTimeout';
  return isPassing || ('isCorrected' in error && error.isCorrected === true) ? PAUSE_MS : null;
}

/** How far the bucket's clock is ahead; null if the answer has no time, or comes from a cache (RFC 9111, Age). */
function skewOf({ date = '', age }: Readonly<Record<string, string>>, now: Date): number | null {
  const skewMs = Date.parse(date) - now.getTime();
  return Number.isNaN(skewMs) || age !== undefined ? null : skewMs;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ERROR_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
