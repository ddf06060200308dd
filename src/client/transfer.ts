import type { CallService } from './call-service.ts';
import type { RetryPolicy } from './retry.ts';
import { retry } from './retry.ts';
import { SignpostError } from './signpost-error.ts';
import type { StoredFile } from './stored-file.ts';

/**
 * How much a pause, a lost connection or a reload may cost: a larger file is sent in parts, and only so many bytes of
 * parts are on their way at once (one part, if it is larger).
 */
export const MAX_LOST_BYTES = 16 * 1024 ** 2;

/** What all uploads of one `createSignpost` share. */
export type Session = RetryPolicy & {
  call: CallService;
  fetch: typeof fetch;
  /** The bucket's hosts that have answered. */
  reached: Set<string>;
  /** undefined: as many as keep `MAX_LOST_BYTES`. */
  parallelParts: number | undefined;
  stallTimeoutMs: number;
};

/** The bytes that are sent: a file's own, or their encryption. The same range must always have the same bytes. */
export type Content = {
  size: number;
  /** @param end one past the last byte; at most `size`. */
  read: (start: number, end: number) => Blob | Promise<Blob>;
  /** How to decrypt them, if they are encrypted. */
  envelope?: string;
};

/** How one file gets into the bucket. */
export type Transfer = {
  objectKey: string;
  /** For an upload by parts. */
  uploadId?: string;
  /**
   * Sends what is missing. May be called again after its signal interrupted it.
   * @returns the file, if it turns out to be confirmed already.
   */
  send: (signal: AbortSignal) => Promise<StoredFile | null>;
  /** What to tell `POST /confirm-upload` besides the key, once all is sent. */
  parts?: () => object;
};

/** @param keptBytes how many of them stay sent if the upload is interrupted now. */
export type OnSent = (sentBytes: number, keptBytes: number) => void;

/** The session's policy. A lost connection is waited out for this many hours, unless the app sets another time. */
export function patient(session: Session, hours: number): Session {
  return { giveUpAfterMs: hours * 3_600_000, ...session };
}

/** POST to the service, repeated on retryable errors. Every route that the client uses is safe to repeat. */
export function callRepeatedly<Answer>(session: Session, path: string, body: unknown, signal: AbortSignal) {
  return retry(() => session.call<Answer>(path, body, signal), patient(session, 1), signal);
}

/**
 * Errors that every further attempt with the same key or parts would get: `object-not-found`, `upload-not-found`,
 * `invalid-request`, `not-your-object`, `verification-failed`, `quota-exceeded` (the object was removed),
 * `file-rejected`, `conflict`. As a list, they take 39 bytes more of the core's 6 KiB.
 */
const FINAL_CODE = /^(upload|object)-not-found|-(request|object|failed|exceeded|rejected)$|conflict/;

export function isFinal(error: unknown): error is SignpostError {
  return error instanceof SignpostError && FINAL_CODE.test(error.code);
}

/** Whether the bucket or the service no longer knows the upload: it was completed or aborted elsewhere, or swept. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof SignpostError && /NoSuchUpload$|^(upload|object)-not-found/.test(`${error.code} ${error.detail}`)
  );
}

/** The stored file, if an earlier request succeeded and only its answer was lost; otherwise null. */
export async function findStored(session: Session, objectKey: string, signal: AbortSignal): Promise<StoredFile | null> {
  try {
    return await callRepeatedly<StoredFile>(session, '/confirm-upload', { objectKey }, signal);
  } catch (error) {
    // 422: the file itself was refused, and would be again.
    if (isFinal(error) && error.status !== 422) return null;
    throw error;
  }
}

/**
 * When to stop using presigned URLs, on the client's clock: after nine tenths of their lifetime. Infinity if the answer
 * lacks the server's time; then the bucket answers 403 when they expire.
 * @param askedAtMs the time before the request was sent.
 */
export function staleAtMs(answer: { expiresAt: string; serverTime?: string }, askedAtMs: number): number {
  if (answer.serverTime === undefined) return Number.POSITIVE_INFINITY;
  return askedAtMs + 0.9 * (Date.parse(answer.expiresAt) - Date.parse(answer.serverTime));
}
