import { createMiddleware } from 'hono/factory';
import { actFor } from '../auth/caller.ts';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Env } from './env.ts';

/** Sets `caller` from the bearer token (RFC 6750), and from `X-On-Behalf-Of` where an admin acts for another user. */
export function authenticate(verifyToken: TokenVerifier) {
  return createMiddleware<Env>(async (c, next) => {
    const caller = await verifyToken(c.req.header('authorization'));
    c.set('caller', actFor(caller, c.req.header('x-on-behalf-of')));
    await next();
  });
}
