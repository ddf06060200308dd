import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { actFor, type Caller, requireScope, type Scope } from '../auth/caller.ts';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Env } from './env.ts';

/** Sets `caller` from the bearer token (RFC 6750). */
export function authenticate(verifyToken: TokenVerifier) {
  return createMiddleware<Env>(async (c, next) => {
    c.set('caller', await verifyToken(c.req.header('authorization')));
    await next();
  });
}

/** Puts another user in the caller's place, where an admin asks for it with `X-On-Behalf-Of`. */
export const actOnBehalf = createMiddleware<Env>(async (c, next) => {
  c.set('caller', actFor(c.get('caller'), c.req.header('x-on-behalf-of')));
  await next();
});

/**
 * The caller, who has this scope.
 * @throws {Problem} `forbidden`.
 */
export function callerWith(c: Context<Env>, scope: Scope): Caller {
  const caller = c.get('caller');
  requireScope(caller, scope);
  return caller;
}
