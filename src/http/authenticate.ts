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
 * Sets `caller` from the token. The token comes from the path, on routes that allow that and if it is short-lived; else
 * from the Authorization header (RFC 6750); else from the cookie `AUTH_COOKIE`, if the page may use it.
 */
export function authenticate(services: {
  config: Pick<Config, 'auth' | 'server'>;
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

function fromCookie(c: Context<Env>, { auth, server }: Pick<Config, 'auth' | 'server'>) {
  const token = auth.cookie === null ? undefined : getCookie(c, auth.cookie);
  if (token === undefined) return undefined;
  if (mayUseCookie(c, server.allowedOrigins)) return `Bearer ${token}`;
  throw unauthenticated(
    'the cookie is accepted only from this origin, or from an origin in ALLOWED_ORIGINS on the same site',
  );
}

/**
 * Browsers send cookies with requests from any page. So the page must have this origin, or an origin that
 * `ALLOWED_ORIGINS` names (`*` names none) on the same site, according to `Origin` (RFC 6454, section 7) and
 * `Sec-Fetch-Site` (Fetch Metadata, section 2.3). Requests without `Origin`, as for links and images, may only read.
 */
function mayUseCookie(c: Context<Env>, allowedOrigins: readonly string[]): boolean {
  const origin = c.req.header('origin');
  const site = c.req.header('sec-fetch-site');
  if (origin === undefined) {
    return (site === 'same-origin' || site === 'same-site') && ['GET', 'HEAD'].includes(c.req.method);
  }
  if (site === 'same-origin') return true;
  if (site !== undefined && site !== 'same-site') return false;
  // A pattern may match many subdomains: then the browser must confirm that the page is on the same site.
  if (site === 'same-site' && isNamedOrigin(allowedOrigins, origin)) return true;
  // Old browsers send no `Sec-Fetch-Site`. With TLS in front, an attacker in the network can serve `http://` on this
  // host: only on a loopback host is the origin certain.
  const { origin: own, hostname } = new URL(c.req.url);
  return isListedOrigin(allowedOrigins, origin) || (site === undefined && origin === own && isLoopback(hostname));
}

/**
 * The caller of a route, who must have the scope. For an admin with `X-On-Behalf-Of`, the caller acts as that user.
 * @param action the route's name in the audit log (`recordActs`).
 * @throws {Problem} `forbidden`, `invalid-request` if the header is not a user id.
 */
export function callerWith(c: Context<Env>, scope: Scope, action: AuditAction): Caller {
  c.set('act', { action, fileId: c.req.param('fileId'), objectKey: c.req.query('key') });
  const identity = actFor(c.get('caller'), c.req.header('x-on-behalf-of'));
  c.set('caller', identity);
  requireScope(identity, scope);
  return { ...identity, requestId: c.get('requestId'), address: c.get('address') };
}
