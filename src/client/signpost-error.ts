export type SignpostErrorDetails = {
  code: string;
  status: number;
  detail: string;
  retryable: boolean;
  errors?: readonly { path: string; message: string }[];
  requestId?: string | null;
  retryAfterSeconds?: number;
  cause?: unknown;
};

/**
 * What an upload fails with; an aborted one fails with its signal's own reason instead (an `AbortError`).
 *
 * `code` is what to switch on: the service's own codes (`file-too-large`, `verification-failed` …), or one of
 * `network-error` (nobody answered), `bucket-refused` (the bucket said no; `detail` has its reason) and
 * `unexpected-answer` (something answered that is not the service, say a proxy).
 */
export class SignpostError extends Error {
  override readonly name = 'SignpostError';
  readonly code: string;
  /** Of the HTTP answer; 0 when there was none. */
  readonly status: number;
  readonly detail: string;
  /** What does not fit, field by field, for `invalid-request` and `verification-failed`; else empty. */
  readonly errors: readonly { path: string; message: string }[];
  /** Names the request in the service's log. */
  readonly requestId: string | null;
  /** The same request may succeed later. By the time an upload fails with it, it has been repeated in vain. */
  readonly retryable: boolean;
  /** How long the server asked to wait; 0 when it did not. */
  readonly retryAfterSeconds: number;

  constructor(details: SignpostErrorDetails) {
    super(details.detail, { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.detail = details.detail;
    this.errors = details.errors ?? [];
    this.requestId = details.requestId ?? null;
    this.retryable = details.retryable;
    this.retryAfterSeconds = details.retryAfterSeconds ?? 0;
  }
}

export function networkError(cause?: unknown): SignpostError {
  return new SignpostError({ code: 'network-error', status: 0, detail: 'nobody answered', retryable: true, cause });
}

/** Whether an answer of this status is worth another try, whoever it came from (RFC 9110, RFC 6585, RFC 8470). */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** `Retry-After` in seconds (RFC 9110, section 10.2.3). 0 for none, or a date: that would trust two clocks. */
export function retryAfterSeconds(header: string | null): number {
  return Number(header) || 0;
}
