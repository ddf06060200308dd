import { createMiddleware } from 'hono/factory';
import { Problem } from '../contract/errors.ts';
import type { Env } from './env.ts';

/** Smaller answers fit into the kernel's buffer of a connection. */
const SMALL_BYTES = 16 * 1024;

/** More than the largest answer, many times. */
const UNREAD_BYTES_PER_USER = 32 * 1024 * 1024;

/**
 * Limits the memory for answers that their clients do not read: 32 MiB per user, and for the user's guests. Without a
 * limit, a user who asks for long lists and never reads them fills the memory. Streamed answers hold only what is on
 * its way.
 */
export function boundAnswers() {
  const unread = new Map<string, number>();
  return createMiddleware<Env>(async (c, next) => {
    const { actorId, limits } = c.get('caller');
    // A guest with a ticket must not take the place of its user's own answers.
    const by = `${limits === undefined ? 'user' : 'guest of'} ${actorId}`;
    const outgoing = c.env?.outgoing;
    let bytes = 0;
    let isClosed = outgoing?.destroyed ?? true;
    // Before the answer: over HTTP/2, nothing says afterwards that its client has gone meanwhile.
    outgoing?.once('close', () => {
      isClosed = true;
      const left = (unread.get(by) ?? 0) - bytes;
      if (left > 0) unread.set(by, left);
      else unread.delete(by);
    });
    await next();
    const held = c.get('bytesHeld') ?? 0;
    if (held <= SMALL_BYTES || isClosed) return;
    const inAll = (unread.get(by) ?? 0) + held;
    if (inAll > UNREAD_BYTES_PER_USER) {
      // Otherwise its headers would be the problem's, too.
      c.res = undefined;
      throw tooMuch();
    }
    bytes = held;
    unread.set(by, inAll);
  });
}

function tooMuch(): Problem {
  return new Problem('rate-limited', 'you have too many answers that were not read yet', {
    headers: { 'retry-after': '1' },
  });
}
