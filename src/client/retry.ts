import { SignpostError } from './signpost-error.ts';

const BASE_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** The longest `Retry-After` that is honoured; a longer one is taken for a mistake. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;

export type RetryPolicy = {
  /** Total number of attempts, including the first. Those that `giveUpAfterMs` decides on do not count. */
  maxAttempts: number;
  /** How long to go on without an answer of a server that has answered before. Default 0: `maxAttempts` decides. */
  giveUpAfterMs?: number | undefined;
  /** Monotonic milliseconds. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Called before each wait. `nextAttemptAtMs` is a time of `now`. */
  onRetry?: ((error: SignpostError, nextAttemptAtMs: number) => void) | undefined;
};

/**
 * Repeats a task that failed with a retryable `SignpostError`, after exponential backoff with full jitter (AWS
 * Architecture Blog, "Exponential Backoff And Jitter": up to 0.5 s, then 1 s, 2 s and so on up to 30 s), and never
 * sooner than the server asked, up to ten minutes. A lost connection is waited out for `giveUpAfterMs`.
 * @throws the last attempt's error.
 */
export async function retry<Result>(
  attempt: () => Promise<Result>,
  { maxAttempts, giveUpAfterMs = 0, now, random, sleep, onRetry }: RetryPolicy,
  signal: AbortSignal,
): Promise<Result> {
  let failures = 0;
  let lostAtMs: number | undefined;
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof SignpostError && error.retryable)) throw error;
      if (error.wasReached && giveUpAfterMs) {
        lostAtMs ??= now();
        if (now() - lostAtMs >= giveUpAfterMs) throw error;
      } else if (++failures >= maxAttempts) throw error;
      const backoffMs = random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (attempts - 1));
      const delayMs = Math.max(backoffMs, Math.min(error.retryAfterSeconds * 1000, MAX_RETRY_AFTER_MS));
      onRetry?.(error, now() + delayMs);
      await sleep(delayMs, signal);
    }
  }
}

/** The real clock's `RetryPolicy['sleep']`. It ends at once when the browser is online again. */
export function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      globalThis.removeEventListener?.('online', end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener('abort', end);
    globalThis.addEventListener?.('online', end);
    if (signal.aborted) end();
  });
}
