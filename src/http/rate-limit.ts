import { createMiddleware } from 'hono/factory';
import { Problem } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import type { Counted, RateQueries } from '../db/create-rate-queries.ts';
import { inTime } from '../net/in-time.ts';
import { networkOf } from '../net/network-of.ts';
import type { Env } from './env.ts';

const WINDOW_SECONDS = 60;

/** How long the shared counts may take, and how long they are left alone after a failure. */
const SHARED_WITHIN_MS = 1_000;
const SHARED_AGAIN_MS = 5_000;

type RateLimits = {
  /** Requests of a user in a minute; 0: no limit. */
  perUser: number;
  /** Of an address; 0: no limit. */
  perAddress: number;
};

type Services = {
  now: () => Date;
  logger: Pick<Logger, 'warn'>;
  /** The counts of all instances; null: each instance counts for itself. */
  rates: Pick<RateQueries, 'count'> | null;
};

/**
 * Allows so many requests per user and per address in a minute, the user's reported in the headers `RateLimit` and
 * `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). Counts for the acting user, not for the user acted for. A
 * batch counts by its entries (`countEntries`).
 *
 * Each instance counts by its own clock, and keeps only the current minute in memory. With `rates`, what it lets
 * through is then counted for all instances, by the database's clock; while the database does not answer within a
 * second, the instance's own counts decide.
 */
export function rateLimit({ perUser, perAddress }: RateLimits, { now, logger, rates }: Services) {
  const countShared = rates === null ? null : countWhileUp(rates, logger);
  const counts = new Map<string, number>();
  let window = 0;

  /** As `RateQueries.count`, for this instance. */
  const countHere = (these: readonly Counted[], entries: number): Map<string, number> => {
    const counted = new Map<string, number>();
    for (const { name, allowance } of these) {
      const count = (counts.get(name) ?? 0) + entries;
      if (count > allowance) continue;
      counts.set(name, count);
      counted.set(name, count);
    }
    return counted;
  };

  return createMiddleware<Env>(async (c, next) => {
    const { actorId } = c.get('caller');
    const address = c.get('address');
    const limits = [
      ...(perUser > 0 ? [{ who: 'user', limit: perUser, name: `user ${actorId}` }] : []),
      ...(perAddress > 0 && address !== null
        ? [{ who: 'address', limit: perAddress, name: `address ${networkOf(address)}` }]
        : []),
    ];
    const count = async (entries: number, allowanceOf: (limit: number) => number) => {
      const seconds = Math.floor(now().getTime() / 1000);
      const current = Math.floor(seconds / WINDOW_SECONDS);
      if (current !== window) {
        window = current;
        counts.clear();
      }
      const resetSeconds = (current + 1) * WINDOW_SECONDS - seconds;
      const these = limits.map(({ name, limit }) => ({ name, allowance: allowanceOf(limit) }));
      const own = countHere(these, entries);
      const shared = own.size < these.length ? null : await countShared?.(these, entries);
      for (const { who, limit, name } of limits) {
        const counted = (shared ?? own).get(name);
        const headers = {
          'ratelimit-policy': `"${who}";q=${limit};w=${WINDOW_SECONDS}`,
          ratelimit: `"${who}";r=${Math.max(0, limit - (counted ?? counts.get(name) ?? 0))};t=${resetSeconds}`,
        };
        if (counted === undefined) {
          const of = who === 'address' ? ' from one address' : '';
          throw new Problem('rate-limited', `at most ${limit} requests a minute${of}; a batch counts by its entries`, {
            headers: { ...headers, 'retry-after': String(resetSeconds) },
          });
        }
        if (who === 'user') Object.assign(c.get('headers'), headers);
      }
    };
    await count(1, (limit) => limit);
    // The request itself is counted already. A batch larger than the limit is let through when it comes first.
    c.set('countEntries', async (entries) => {
      if (entries > 1) await count(entries - 1, (limit) => Math.max(limit, entries));
    });
    await next();
  });
}

/**
 * Counts for all instances; null while the database does not answer. Then one request in 5 seconds tries again, and a
 * failure is logged.
 */
function countWhileUp({ count }: Pick<RateQueries, 'count'>, logger: Pick<Logger, 'warn'>) {
  let againAtMs = 0;
  return async (these: readonly Counted[], entries: number): Promise<ReadonlyMap<string, number> | null> => {
    if (performance.now() < againAtMs) return null;
    try {
      return await inTime(count(these, entries), SHARED_WITHIN_MS);
    } catch (err) {
      againAtMs = performance.now() + SHARED_AGAIN_MS;
      logger.warn({ err }, 'requests are counted by each instance alone: the database does not count them');
      return null;
    }
  };
}
