import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import { actFor, type Caller, requireScope } from '../auth/caller.ts';
import { unauthenticated } from '../auth/refusal.ts';
import { requireShortLived } from '../auth/require-short-lived.ts';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Config } from '../config/config.ts';
import { isListedOrigin, isNamedOrigin } from '../config/origins.ts';
import type { Scope } from '../contract/scopes.ts';
import type { AuditAction } from '../db/audit-row.ts';
import type { Env } from './env.ts';
import { isLoopback } from './loopback.ts';
import { splitPathToken } from './path-token.ts';

/**
 * Sets `caller` from the token: in front of the path, where a route takes it there and it is short-lived; else the
 * bearer token (RFC 6750); else, where `AUTH_COOKIE` is set, that cookie's, from a page that may use it.
 */
export function authenticate(services: {
  config: Pick<Config, 'auth' | 'allowedOrigins'>;
  verifyToken: TokenVerifier;
  now: () => Date;
}) {
  const { config, verifyToken, now } = services;
  return createMiddleware<Env>(async (c, next) => {
    const { token } = splitPathToken(c.req.raw);
    if (token === null) {
      c.set('caller', await verifyToken(c.req.header('authorization') ?? fromCookie(c, config)));
    } else {
      c.get('headers')['referrer-policy'] = 'no-referrer';
      c.set('caller', await verifyToken(`Bearer ${token}`));
      requireShortLived(token, now(), config.auth.clockToleranceSeconds);
    }
    await next();
  });
}

function fromCookie(c: Context<Env>, { auth, allowedOrigins }: Pick<Config, 'auth' | 'allowedOrigins'>) {
  const token = auth.cookie === null ? undefined : getCookie(c, auth.cookie);
  if (token === undefined) return undefined;
  if (mayUseCookie(c, allowedOrigins)) return `Bearer ${token}`;
  throw unauthenticated('the cookie counts only from this origin, or on the same site from one of ALLOWED_ORIGINS');
}

/**
 * Browsers send a cookie along whichever page asks. So it must be a page of this very origin, or of one that is named
 * in `ALLOWED_ORIGINS` (`*` names none) and on the same site, by what the browser says: `Origin` (RFC 6454, section 7)
 * and `Sec-Fetch-Site` (Fetch Metadata, section 2.3). Without `Origin`, as for links and images, nothing but reading.
 */
function mayUseCookie(c: Context<Env>, allowedOrigins: readonly string[]): boolean {
  const origin = c.req.header('origin');
  const site = c.req.header('sec-fetch-site');
  if (origin === undefined) {
    return (site === 'same-origin' || site === 'same-site') && ['GET', 'HEAD'].includes(c.req.method);
  }
  if (site === 'same-origin') return true;
  if (site !== undefined && site !== 'same-site') return false;
  // Which of many subdomains it is nobody wrote down: then the browser has to say that it is on the same site.
  if (site === 'same-site' && isNamedOrigin(allowedOrigins, origin)) return true;
  // Old browsers leave `Sec-Fetch-Site` out. Behind TLS, `http://` and this host is whoever sits in the network: only
  // on this machine is it surely this origin.
  const { origin: own, hostname } = new URL(c.req.url);
  return isListedOrigin(allowedOrigins, origin) || (site === undefined && origin === own && isLoopback(hostname));
}

/**
 * The caller of a route: another user, where an admin asks for it with `X-On-Behalf-Of`, who has this scope.
 * @param action what the route does, for the audit log (`recordActs`).
 * @throws {Problem} `forbidden`, `invalid-request` for a header that is no user id.
 */
export function callerWith(c: Context<Env>, scope: Scope, action: AuditAction): Caller {
  c.set('act', { action, fileId: c.req.param('fileId'), objectKey: c.req.query('key') });
  const identity = actFor(c.get('caller'), c.req.header('x-on-behalf-of'));
  c.set('caller', identity);
  requireScope(identity, scope);
  return { ...identity, requestId: c.get('requestId'), address: c.get('address') };
}
