import type { CallService } from './call-service.ts';
import type { RetryPolicy } from './retry.ts';
import { retry } from './retry.ts';
import { SignpostError } from './signpost-error.ts';
import type { StoredFile } from './upload.ts';

/** What every upload of one `createSignpost` shares. */
export type Session = RetryPolicy & {
  call: CallService;
  fetch: typeof fetch;
  /** Milliseconds since some moment. Only differences count: a wrong clock does no harm. */
  now: () => number;
  parallelParts: number;
  stallTimeoutMs: number;
};

/** The way of one file into the bucket. */
export type Transfer = {
  objectKey: string;
  /** For an upload by parts. */
  uploadId?: string;
  /** Sends what is missing and confirms. Interrupted by its signal, it may be called again. */
  run: (signal: AbortSignal) => Promise<StoredFile>;
};

/** POST to the service, repeated while that makes sense. Every route the client uses bears repetition. */
export function callRepeatedly<Answer>(session: Session, path: string, body: unknown, signal: AbortSignal) {
  return retry(() => session.call<Answer>(path, body, signal), session, signal);
}

/** What another try at the same key, or with the same parts, would meet again. */
const HOPELESS = [
  'invalid-request',
  'not-your-object',
  'object-not-found',
  'upload-not-found',
  'conflict',
  'verification-failed',
];

export function isHopeless(error: unknown): boolean {
  return error instanceof SignpostError && HOPELESS.includes(error.code);
}

/** The file, if it lies under its key after all: an answer may be lost when the deed is done. */
export async function findStored(session: Session, objectKey: string, signal: AbortSignal): Promise<StoredFile | null> {
  try {
    return await callRepeatedly<StoredFile>(session, '/confirm-upload', { objectKey }, signal);
  } catch (error) {
    if (isHopeless(error)) return null;
    throw error;
  }
}

/**
 * When to stop using presigned URLs, on the client's own clock: after nine tenths of the life the service gave them.
 * Infinity where the answer does not tell its own time; the bucket's 403 tells then.
 * @param askedAtMs before the request went out.
 */
export function staleAtMs(answer: { expiresAt: string; serverTime?: string }, askedAtMs: number): number {
  if (answer.serverTime === undefined) return Number.POSITIVE_INFINITY;
  return askedAtMs + 0.9 * (Date.parse(answer.expiresAt) - Date.parse(answer.serverTime));
}
