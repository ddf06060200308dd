import { createMiddleware } from 'hono/factory';
import { Problem } from '../contract/errors.ts';
import type { Env } from './env.ts';

/** Smaller answers fit into the kernel's buffer of a connection. */
const SMALL_BYTES = 16 * 1024;

/** More than the largest answer, many times. */
const UNREAD_BYTES_PER_USER = 32 * 1024 * 1024;

/**
 * Limits the memory for answers that their clients do not read: 32 MiB per user. Without a limit, a user who asks for
 * long lists and never reads them fills the memory. Streamed answers hold only what is on its way.
 */
export function boundAnswers() {
  const unread = new Map<string, number>();
  return createMiddleware<Env>(async (c, next) => {
    await next();
    const by = c.get('caller').actorId;
    const bytes = c.get('bytesHeld') ?? 0;
    const outgoing = c.env?.outgoing;
    if (bytes <= SMALL_BYTES || outgoing === undefined || outgoing.destroyed) return;
    const inAll = (unread.get(by) ?? 0) + bytes;
    if (inAll > UNREAD_BYTES_PER_USER) {
      // Otherwise its headers would be the problem's, too.
      c.res = undefined;
      throw tooMuch();
    }
    unread.set(by, inAll);
    outgoing.once('close', () => {
      const left = (unread.get(by) ?? 0) - bytes;
      if (left > 0) unread.set(by, left);
      else unread.delete(by);
    });
  });
}

function tooMuch(): Problem {
  return new Problem('rate-limited', 'you have too many answers that were not read yet', {
    headers: { 'retry-after': '1' },
  });
}
