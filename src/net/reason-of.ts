import * as z from 'zod';

/** The AWS SDK's error for an S3 error response. */
const s3Failure = z.object({ $metadata: z.object({ httpStatusCode: z.number() }) });

/** What Neon's driver throws when a connection fails. */
const event = z.object({ error: z.unknown().optional(), message: z.string().optional() });

const HEAD_CODES: Record<number, string> = { 301: 'PermanentRedirect', 403: 'AccessDenied', 404: 'NotFound' };

/** The innermost error: what a driver, the network or S3 said. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  // A WebSocket throws an event, not an Error; the event may contain one.
  const { error: inside } = event.safeParse(error).data ?? {};
  if (inside !== undefined && inside !== null) return innermost(inside);
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error;
}

/** The message of the innermost error; for an S3 error, its status and code. */
export function reasonOf(thrown: unknown): string {
  const error = innermost(thrown);
  const failure = s3Failure.safeParse(error);
  if (failure.success) return `${failure.data.$metadata.httpStatusCode} ${codeOf(error)}`;
  if (error instanceof Error) return error.message || error.name;
  return event.safeParse(error).data?.message || 'no connection, for an unknown reason';
}

/** The S3 code of an AWS SDK error, such as `AccessDenied`; for any other error its name. */
export function codeOf(thrown: unknown): string {
  const error = innermost(thrown);
  const name = error instanceof Error ? error.name : '';
  // HEAD has no body to carry a code.
  const status = s3Failure.safeParse(error).data?.$metadata.httpStatusCode ?? 0;
  return name === 'Unknown' ? (HEAD_CODES[status] ?? name) : name;
}
