/**
 * Every problem the service answers with: code, status, title. The code is stable and public; clients switch on it.
 * Thrown as `Problem`, rendered by `http/problem.ts` as `application/problem+json` (RFC 9457).
 */
export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'The request is not authenticated' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  'not-your-object': { status: 403, title: "The object key is not under the caller's prefix" },
  'quota-exceeded': { status: 403, title: 'The quota is used up' },
  'file-not-found': { status: 404, title: 'There is no such file' },
  'object-not-found': { status: 404, title: 'Nothing is stored under that key' },
  'upload-not-found': { status: 404, title: 'There is no such multipart upload' },
  'route-not-found': { status: 404, title: 'There is no such route' },
  'method-not-allowed': { status: 405, title: 'There is no such method on this path' },
  'encrypted-file': { status: 409, title: 'The file has a key that a link cannot carry' },
  conflict: { status: 409, title: 'The state does not allow it' },
  'body-too-large': { status: 413, title: 'The request body is too large' },
  'file-too-large': { status: 413, title: 'The file is larger than allowed' },
  'content-type-not-allowed': { status: 415, title: 'Files of this content type are not allowed' },
  'unsupported-media-type': { status: 415, title: 'The request body must be application/json' },
  'range-not-satisfiable': { status: 416, title: 'The file has no such bytes' },
  'verification-failed': { status: 422, title: 'The stored object is not what was signed for' },
  'file-rejected': { status: 422, title: 'The file was rejected' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'internal-error': { status: 500, title: 'Something went wrong' },
  'storage-unavailable': { status: 503, title: 'The bucket does not answer' },
  'database-unavailable': { status: 503, title: 'The database does not answer' },
  stopping: { status: 503, title: 'The service is stopping' },
  'application-unavailable': { status: 503, title: 'The application behind the service cannot answer' },
  'keys-unavailable': { status: 503, title: 'The keys that verify tokens cannot be fetched' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One invalid field: `path` says where (`files.3.size`, or empty for the whole), `message` says why. */
export type Mismatch = { path: string; message: string };

/** Why an upload was refused: the error that every later confirmation gets. */
export type Refusal = {
  code: Extract<ProblemCode, 'verification-failed' | 'quota-exceeded'>;
  detail: string;
  errors?: readonly Mismatch[] | undefined;
};

/**
 * Thrown by a domain function that cannot answer. `detail` is shown to the caller, so it holds nothing internal.
 * `cause` is only logged.
 */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly Mismatch[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    options: { errors?: readonly Mismatch[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'Problem';
    this.code = code;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }
}

/** How long a caller should wait before repeating a call after a 503, in seconds. */
const RETRY_AFTER_SECONDS = 5;

type Part = 'storage' | 'database' | 'keys' | 'application';

/**
 * A 503: the bucket, the database, the key set or the application does not answer. Nothing is lost; the call may be
 * repeated. A cause that is already a problem is returned unchanged.
 */
export function unavailable(what: Part, cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  return new Problem(`${what}-unavailable`, `${PROBLEMS[`${what}-unavailable`].title}; try again shortly`, {
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    cause,
  });
}

/** To catch whatever an answer of this part may fail with: it is thrown as `unavailable`. */
export function throwUnavailable(what: Part): (cause: unknown) => never {
  return (cause) => {
    throw unavailable(what, cause);
  };
}

/** What went wrong, for the log: the cause of a problem, which its caller does not learn; any other error itself. */
export function causeOf(error: unknown): unknown {
  return error instanceof Problem ? error.cause : error;
}

/** A 503 for an overloaded instance: nothing is broken, and nothing was done. */
export function busy(why: string): Problem {
  return new Problem('storage-unavailable', `${why}; try again shortly`, { headers: { 'retry-after': '1' } });
}
