import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { busy, Problem } from '../contract/errors.ts';
import { createSlots, type Release } from '../net/slots.ts';
import type { BodySlots, Env } from './env.ts';

/** What a body may have by default, and what counts as a small one. */
export const MAX_BODY_BYTES = 64 * 1024;

/** How long a body waits for others to arrive. Meanwhile it is not read. */
const WAIT_MS = 2_000;

/**
 * Bounds what bodies on their way hold of this instance's memory: 96 MiB in all, 12 MiB of one user's. A body that is
 * sent slowly, or only begun, takes its place until it is there or the server's time for it is over.
 */
export function boundBodies() {
  const slots = (inAll: number, perUser: number) =>
    createSlots({
      ...{ inAll, perUser, waitMs: WAIT_MS },
      refuse: (isOwnDoing) => (isOwnDoing ? tooMany() : busy('too many requests are on their way to the service')),
    });
  const bodies: BodySlots = { large: slots(64, 8), small: slots(512, 64) };
  return createMiddleware<Env>((c, next) => {
    c.set('bodies', bodies);
    return next();
  });
}

/**
 * A place for the request's body.
 * @throws {Problem} `rate-limited` where its user has too many already, or a 503 where everybody together has.
 */
export function takeBodySlot(c: Context<Env>, maxBytes: number): Promise<Release> {
  const announced = Number(c.req.header('content-length') ?? Number.POSITIVE_INFINITY);
  const { large, small } = c.get('bodies');
  // Bucket events come without a user.
  const by = c.get('caller')?.actorId ?? '';
  return (Math.min(announced, maxBytes) > MAX_BODY_BYTES ? large : small).take(by);
}

function tooMany(): Problem {
  return new Problem('rate-limited', 'too many bodies of yours are on their way at once', {
    headers: { 'retry-after': '1' },
  });
}
