import { createMiddleware } from 'hono/factory';
import { Problem } from '../contract/errors.ts';
import type { Env } from './env.ts';

const WINDOW_SECONDS = 60;

/**
 * Allows `limit` requests per user and minute of this instance's clock, reported in the headers `RateLimit` and
 * `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). Counts for the acting user, not for the user acted for. A
 * batch counts by its entries (`countEntries`). Keeps only the users of the current minute in memory.
 */
export function rateLimit(limit: number, now: () => Date) {
  const policy = `"user";q=${limit};w=${WINDOW_SECONDS}`;
  const counts = new Map<string, number>();
  let window = 0;

  return createMiddleware<Env>(async (c, next) => {
    const seconds = Math.floor(now().getTime() / 1000);
    const current = Math.floor(seconds / WINDOW_SECONDS);
    if (current !== window) {
      window = current;
      counts.clear();
    }
    const { actorId } = c.get('caller');
    const resetSeconds = (current + 1) * WINDOW_SECONDS - seconds;
    /** @param allowance the maximum count, these entries included. */
    const count = (entries: number, allowance = limit) => {
      const counted = (counts.get(actorId) ?? 0) + entries;
      const isRefused = counted > allowance;
      if (!isRefused || entries === 1) counts.set(actorId, counted);
      const left = Math.max(0, limit - (counts.get(actorId) ?? 0));
      const headers = { 'ratelimit-policy': policy, ratelimit: `"user";r=${left};t=${resetSeconds}` };
      if (isRefused) {
        throw new Problem('rate-limited', `at most ${limit} requests a minute; a batch counts by its entries`, {
          headers: { ...headers, 'retry-after': String(resetSeconds) },
        });
      }
      Object.assign(c.get('headers'), headers);
    };
    count(1);
    // The request itself is counted already. A batch larger than the limit is let through when it comes first.
    c.set('countEntries', (entries) => entries > 1 && count(entries - 1, Math.max(limit, entries)));
    await next();
  });
}
