import { createMiddleware } from 'hono/factory';
import { Problem } from '../errors.ts';
import type { Env } from './env.ts';

const WINDOW_SECONDS = 60;

/**
 * At most `limit` requests a user in each minute of this instance's clock, told in the `RateLimit` and
 * `RateLimit-Policy` headers (draft-ietf-httpapi-ratelimit-headers). It counts the one who acts, not the one acted for.
 * The memory holds the users of the current minute only.
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
    const count = (counts.get(actorId) ?? 0) + 1;
    counts.set(actorId, count);
    const resetSeconds = (current + 1) * WINDOW_SECONDS - seconds;
    const headers = {
      'ratelimit-policy': policy,
      ratelimit: `"user";r=${Math.max(0, limit - count)};t=${resetSeconds}`,
    };
    if (count > limit) {
      throw new Problem('rate-limited', `at most ${limit} requests a minute`, {
        headers: { ...headers, 'retry-after': String(resetSeconds) },
      });
    }
    Object.assign(c.get('headers'), headers);
    await next();
  });
}
