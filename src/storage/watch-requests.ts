import type { S3Client } from '@aws-sdk/client-s3';
import { activeTraceparent } from '../telemetry/trace-request.ts';
import type { Callee, CallWatch, Failure } from '../telemetry/watch-calls.ts';
import { UnmarkedAnswer } from './only-the-bucket.ts';
import { isS3Failure } from './s3-failure.ts';

/** The bucket, for `watchCalls`. An operation is S3's name, as `HeadObject`. */
export const BUCKET_CALLEE: Callee = {
  durations: 'signpost_bucket_request_duration_seconds',
  errors: 'signpost_bucket_errors_total',
  // OpenTelemetry, "Semantic conventions for AWS S3 client spans". The key is left out: it has the user's id.
  describe: (operation) => ({
    name: `S3.${operation}`,
    attributes: { 'rpc.system.name': 'aws-api', 'rpc.method': `S3/${operation}` },
  }),
  failureOf,
};

/**
 * Measures every request of the client, retries included, but not the wait for its turn; and sends `traceparent` with
 * it. The header is added after the signing, since a proxy may replace it.
 */
export function watchRequests(client: S3Client, watch: CallWatch): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) =>
        watch.run(commandName.replace(/Command$/, ''), () => next(args)),
    { step: 'initialize', priority: 'low', name: 'watchRequests' },
  );
  client.middlewareStack.add(
    (next) => (args) => {
      const traceparent = activeTraceparent();
      if (traceparent !== null && hasHeaders(args.request)) args.request.headers.traceparent = traceparent;
      return next(args);
    },
    { step: 'deserialize', priority: 'low', name: 'sendTraceparent' },
  );
}

/** Statuses that answer the question: there is no such object or range, or a condition does not hold. */
const ANSWERS = [304, 404, 409, 412, 416];

function failureOf(error: unknown): Failure | null {
  if (error instanceof UnmarkedAnswer) return { kind: 'not-the-bucket' };
  if (!(error instanceof Error)) return { kind: 'network' };
  if (isS3Failure(error)) {
    const status = error.$metadata.httpStatusCode;
    if (ANSWERS.includes(status)) return null;
    const code = /^\w{1,64}$/.test(error.name) ? error.name : undefined;
    return { kind: status >= 500 || status === 429 ? 'unavailable' : 'refused', code };
  }
  return { kind: /timeout|abort/i.test(error.name) ? 'timeout' : 'network' };
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request;
}
