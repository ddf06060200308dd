/** The first pause; each is twice as long as the one before, up to the longest. */
const FIRST_SECONDS = 10;
const LONGEST_SECONDS = 6 * 3600;

/** With these pauses, the last attempt is three days after the first. */
const MAX_ATTEMPTS = 23;

/** How long a receiver may ask us to wait. */
const LONGEST_ASKED_SECONDS = 86_400;

/**
 * How long to wait after an attempt that failed: 10 s, 20 s, 40 s, …, 6 h, a quarter more or less at random, so that
 * messages that failed together are not sent together again.
 * @param failures how many attempts have failed, from 1.
 * @returns seconds; null after the last attempt.
 */
export function pauseAfter(failures: number, random: number): number | null {
  if (failures >= MAX_ATTEMPTS) return null;
  return spread(Math.min(FIRST_SECONDS * 2 ** (failures - 1), LONGEST_SECONDS), random);
}

/** The first pause of a receiver that does not accept messages, and the longest. */
const FIRST_PROBE_SECONDS = 5;
const LONGEST_PROBE_SECONDS = 300;

/** The pause in seconds before the next run, after this number of runs in a row that ended with failures, from 1. */
export function probeAfter(failedRuns: number, random: number): number {
  return spread(Math.min(FIRST_PROBE_SECONDS * 2 ** (failedRuns - 1), LONGEST_PROBE_SECONDS), random);
}

function spread(seconds: number, random: number): number {
  return seconds * (0.75 + random / 2);
}

/**
 * The seconds of `Retry-After` (RFC 9110, section 10.2.3), at most a day; 0 without a valid one.
 * @param value seconds, or a date.
 */
export function readRetryAfter(value: string | null, now: Date): number {
  if (value === null) return 0;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now.getTime()) / 1000;
  return Number.isNaN(seconds) ? 0 : Math.min(Math.max(seconds, 0), LONGEST_ASKED_SECONDS);
}
