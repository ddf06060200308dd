import { z } from 'zod';

/** What the AWS SDK throws for an answer of S3's. */
const s3Failure = z.object({ $metadata: z.object({ httpStatusCode: z.number() }) });

/** What Neon's driver throws for a connection that fails. */
const event = z.object({ error: z.unknown().optional(), message: z.string().optional() });

const HEAD_CODES: Record<number, string> = { 301: 'PermanentRedirect', 403: 'AccessDenied', 404: 'NotFound' };

/** The innermost error: what a driver, the network or S3 said. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  // What a WebSocket throws is no error but an event, with or without one in it.
  const { error: inside } = event.safeParse(error).data ?? {};
  if (inside !== undefined && inside !== null) return innermost(inside);
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error;
}

/** Why it failed, in the words of the innermost error; of S3's, the status and code. */
export function reasonOf(thrown: unknown): string {
  const error = innermost(thrown);
  const failure = s3Failure.safeParse(error);
  if (failure.success) return `${failure.data.$metadata.httpStatusCode} ${codeOf(error)}`;
  if (error instanceof Error) return error.message || error.name;
  return event.safeParse(error).data?.message || 'no connection, and no word why';
}

/** S3's code of what the AWS SDK threw, `AccessDenied`; of anything else the error's name. */
export function codeOf(thrown: unknown): string {
  const error = innermost(thrown);
  const name = error instanceof Error ? error.name : '';
  // HEAD has no body to carry a code.
  const status = s3Failure.safeParse(error).data?.$metadata.httpStatusCode ?? 0;
  return name === 'Unknown' ? (HEAD_CODES[status] ?? name) : name;
}
