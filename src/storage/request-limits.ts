import type { Readable } from 'node:stream';
import { busy } from '../contract/errors.ts';
import { createSlots, type Slots } from '../net/slots.ts';

/** The time limit for opening a connection. */
export const CONNECT_WITHIN_MS = 2_000;

/** The time limit for copying, or for completing an upload of thousands of parts. */
export const SLOW_WITHIN_MS = 60_000;

/** How many files may be read through the service at once. */
export const MAX_READERS = 200;

/** How many files may be hashed at once, for a store that keeps no checksums. */
export const MAX_HASHED = 2;

/** How many quick and how many slow requests may run at once. */
export const MAX_RUNNING = 64;

/** How long a request waits for its turn. */
const TURN_WITHIN_MS = 4_000;

/** Limits of one kind of request. */
export type RequestLimits = {
  /** Time limit for the headers of an answer, and for each chunk of its body. Default 5,000. */
  answerWithinMs?: number;
  /** Time limit for the whole body; null if the reader limits it. Default: twice `answerWithinMs`. */
  bodyWithinMs?: number | null;
  /** Whether a body may pause longer than `answerWithinMs`; then the reader limits the pauses. Default false. */
  mayPause?: boolean;
  /** Maximum connections; default 64. */
  maxSockets?: number;
};

/** The limits with their defaults. */
export function withDefaults(limits: RequestLimits): Required<RequestLimits> {
  const {
    answerWithinMs = 5_000,
    bodyWithinMs = 2 * answerWithinMs,
    mayPause = false,
    maxSockets = MAX_RUNNING,
  } = limits;
  return { answerWithinMs, bodyWithinMs, mayPause, maxSockets };
}

/**
 * Limits the time for a whole body: one that arrives byte by byte never pauses for long, and would keep its connection
 * forever.
 */
export function limitBody(body: Readable, withinMs: number): void {
  const late = () => body.destroy(new Error(`the answer was not complete within ${withinMs} ms`));
  const timer = setTimeout(late, withinMs).unref();
  body.once('close', () => clearTimeout(timer));
}

/** Turns of quick requests; after 4 seconds they fail with `busy`, which differs from an unavailable bucket. */
export function createTurns(): Slots {
  return createSlots({
    inAll: MAX_RUNNING,
    waitMs: TURN_WITHIN_MS,
    refuse: () => busy('too many requests are waiting for the bucket'),
  });
}
