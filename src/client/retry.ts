import { SignpostError } from './signpost-error.ts';

const BASE_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** The longest `Retry-After` that is honoured; a longer one is taken for a mistake. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;

export type RetryPolicy = {
  /** Total number of attempts, including the first. */
  maxAttempts: number;
  /** In [0, 1). */
  random: () => number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
};

/**
 * Repeats a task that failed with a retryable `SignpostError`, after exponential backoff with full jitter (AWS
 * Architecture Blog, "Exponential Backoff And Jitter": up to 0.5 s, then 1 s, 2 s and so on up to 30 s), and never
 * sooner than the server asked, up to ten minutes.
 * @throws the last attempt's error.
 */
export async function retry<Result>(
  attempt: () => Promise<Result>,
  { maxAttempts, random, sleep }: RetryPolicy,
  signal: AbortSignal,
): Promise<Result> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof SignpostError && error.retryable) || attempts >= maxAttempts) throw error;
      const backoffMs = random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (attempts - 1));
      await sleep(Math.max(backoffMs, Math.min(error.retryAfterSeconds * 1000, MAX_RETRY_AFTER_MS)), signal);
    }
  }
}

/** The real clock's `RetryPolicy['sleep']`. */
export function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, delayMs);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
