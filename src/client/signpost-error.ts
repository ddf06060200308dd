import type { ErrorCode } from './error-code.ts';

export type SignpostErrorDetails = {
  code: ErrorCode;
  status: number;
  detail: string;
  retryable: boolean;
  errors?: readonly { path: string; message: string }[];
  requestId?: string | null;
  retryAfterSeconds?: number;
  wasReached?: boolean;
  cause?: unknown;
};

/** What an error has unless it is given. Assigned as one object, since this class is in every bundle. */
const DEFAULTS = { errors: [], requestId: null, wasReached: false, retryAfterSeconds: 0 };

/**
 * The error of a failed upload. An aborted upload rejects with its signal's reason instead (an `AbortError`).
 *
 * Switch on `code`: one of the service's codes (`file-too-large`, `verification-failed` …), or
 * - `network-error`: no answer,
 * - `blocked-by-cors`: the server is there, but no CORS rule lets the page read its answers,
 * - `invalid-url`, `invalid-token`: that option is not valid,
 * - `unexpected-answer`: not the service's, but a proxy's, for example,
 * - `bucket-refused`: `detail` has the bucket's reason,
 * - `file-changed`: the file can no longer be read,
 * - `not-prepared`: an earlier page had `encryption` or `beforeUpload` for this file, and this queue has not.
 */
export class SignpostError extends Error {
  override readonly name = 'SignpostError';
  declare readonly code: ErrorCode;
  /** The HTTP status; 0 if there was no answer. */
  declare readonly status: number;
  declare readonly detail: string;
  /** The invalid fields, for `invalid-request` and `verification-failed`; otherwise empty. */
  declare readonly errors: readonly { path: string; message: string }[];
  /** The request's id in the service's log. */
  declare readonly requestId: string | null;
  /** The same request may succeed later. When an upload fails with it, all attempts have been used up. */
  declare readonly retryable: boolean;
  /**
   * For `network-error`: whether the same server has answered this client before. If not, its address or its CORS rules
   * may be wrong.
   */
  declare readonly wasReached: boolean;
  /** How long the server asked to wait; 0 if it did not ask. */
  declare readonly retryAfterSeconds: number;

  constructor({ cause, ...details }: SignpostErrorDetails) {
    super(details.detail, { cause });
    Object.assign(this, DEFAULTS, details);
  }
}

export function networkError(cause?: unknown, wasReached = false): SignpostError {
  return new SignpostError({
    code: 'network-error',
    status: 0,
    detail: 'there is no connection to the server',
    retryable: true,
    wasReached,
    cause,
  });
}

export function fileChanged(cause: unknown): SignpostError {
  return new SignpostError({ code: 'file-changed', status: 0, detail: 'the file changed', retryable: false, cause });
}

/** Refusals of the file itself: the same file is refused again. */
const REFUSED_FILE = [400, 413, 415, 422];

/** Whether uploading the same file again can help, now or later. */
export function canTryAgain(error: unknown): boolean {
  if (!(error instanceof SignpostError)) return true;
  if (error.status > 0) return error.retryable || !REFUSED_FILE.includes(error.status);
  return error.code === 'network-error';
}

/** Whether a request with this status is worth repeating (RFC 9110, RFC 6585, RFC 8470). */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/**
 * Whether a refusal by the bucket is worth repeating. 409: two conditional writes raced. A 400 `RequestTimeout`: the
 * body came too slowly (S3 API Reference, "Error Responses").
 */
export function isBucketTransient(status: number, reason: string): boolean {
  return isTransient(status) || status === 409 || reason === 'RequestTimeout';
}

/** `Retry-After` in seconds (RFC 9110, section 10.2.3). 0 if missing, or if it is a date: two clocks may disagree. */
export function retryAfterSeconds(header: string | null): number {
  return Number(header) || 0;
}
