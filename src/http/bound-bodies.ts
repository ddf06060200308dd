import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { busy, Problem } from '../contract/errors.ts';
import { createSlots, type Release } from '../net/slots.ts';
import type { BodySlots, Env } from './env.ts';

/** The default size limit of a body; larger bodies need a large slot. */
export const MAX_BODY_BYTES = 64 * 1024;

/** How long a body waits, unread, for a slot. */
const WAIT_MS = 2_000;

/**
 * Limits the memory for bodies in transfer: 96 MiB per instance, 12 MiB per user. A slow or unfinished body keeps its
 * slot until it is complete or the server's timeout ends it.
 */
export function boundBodies() {
  const slots = (inAll: number, perUser: number) =>
    createSlots({
      inAll,
      perUser,
      waitMs: WAIT_MS,
      refuse: (isUserLimit) => (isUserLimit ? tooMany() : busy('the service is receiving too many requests at once')),
    });
  const bodies: BodySlots = { large: slots(64, 8), small: slots(512, 64) };
  return createMiddleware<Env>((c, next) => {
    c.set('bodies', bodies);
    return next();
  });
}

/**
 * Takes a slot for the request's body.
 * @throws {Problem} `rate-limited` if its user has too many already, or a 503 if all slots are taken.
 */
export function takeBodySlot(c: Context<Env>, maxBytes: number): Promise<Release> {
  const announced = Number(c.req.header('content-length') ?? Number.POSITIVE_INFINITY);
  const { large, small } = c.get('bodies');
  // Bucket events have no user.
  const by = c.get('caller')?.actorId ?? '';
  return (Math.min(announced, maxBytes) > MAX_BODY_BYTES ? large : small).take(by);
}

function tooMany(): Problem {
  return new Problem('rate-limited', 'you are sending too many requests at once', {
    headers: { 'retry-after': '1' },
  });
}
