import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import { type Authorize, authorizeWith } from '../auth/authorize.ts';
import { actFor, type Caller, type Identity, requireScope } from '../auth/caller.ts';
import { requireShortLived } from '../auth/require-short-lived.ts';
import { unauthenticated } from '../auth/token-refusal.ts';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Config } from '../config/config.ts';
import { isListedOrigin, isNamedOrigin } from '../config/origins.ts';
import type { Scope } from '../contract/scopes.ts';
import type { AuditAction } from '../db/audit-row.ts';
import { isLoopback } from '../net/is-loopback.ts';
import type { Env } from './env.ts';
import { splitPathToken } from './path-token.ts';

const WRONG_PAGE =
  'the cookie is accepted only from this origin, or from an origin in ALLOWED_ORIGINS on the same site';

/**
 * Sets `caller` from the token. The token comes from the path, on routes that allow that and if it is short-lived; else
 * from the Authorization header (RFC 6750); else from the cookie `AUTH_COOKIE`, if the page may use it. With
 * `authorize`, the app decides instead.
 */
export function authenticate(services: {
  config: Pick<Config, 'auth' | 'server'>;
  verifyToken: TokenVerifier | undefined;
  authorize?: Authorize | undefined;
  basePath?: string | undefined;
  now: () => Date;
}) {
  const { config, verifyToken, authorize, basePath, now } = services;
  const verify = async (c: Context<Env>, token: string | null): Promise<Identity> => {
    if (authorize !== undefined) return authorizeWith(authorize, withoutBody(c, config, token));
    if (verifyToken === undefined) throw unauthenticated('nothing is set that verifies tokens');
    if (token === null) return verifyToken(c.req.header('authorization') ?? fromCookie(c, config));
    const identity = await verifyToken(`Bearer ${token}`);
    requireShortLived(token, now(), config.auth.clockToleranceSeconds);
    return identity;
  };
  return createMiddleware<Env>(async (c, next) => {
    const { token } = splitPathToken(c.req.raw, basePath);
    if (token !== null) c.get('headers')['referrer-policy'] = 'no-referrer';
    c.set('caller', await verify(c, token));
    await next();
  });
}

/** The request that `authorize` gets: without its body, with a token from the path moved to the header. */
function withoutBody(c: Context<Env>, config: Pick<Config, 'server'>, token: string | null): Request {
  const headers = new Headers(c.req.raw.headers);
  const url = new URL(c.req.url);
  if (token !== null) {
    url.pathname = c.req.path;
    headers.set('authorization', `Bearer ${token}`);
    // Any page can make a browser send its cookies along with a token that the page has chosen.
    headers.delete('cookie');
  }
  if (isSentByItself(headers) && !mayUseCookie(c, config.server.allowedOrigins)) throw unauthenticated(WRONG_PAGE);
  return new Request(url, { method: c.req.method, headers });
}

/** Schemes that a browser remembers, and adds to any page's requests. */
const REMEMBERED = /^(basic|digest|negotiate|ntlm)\b/i;

/**
 * Whether a browser may have added the credentials by itself. A program that sends a token may have cookies as well,
 * for example of a load balancer, but sends no header about a page.
 */
function isSentByItself(headers: Headers): boolean {
  const authorization = headers.get('authorization');
  if (authorization !== null && REMEMBERED.test(authorization)) return true;
  const isOfPage = headers.has('origin') || headers.has('sec-fetch-site');
  return headers.has('cookie') && (authorization === null || isOfPage);
}

function fromCookie(c: Context<Env>, { auth, server }: Pick<Config, 'auth' | 'server'>) {
  const token = auth.cookie === null ? undefined : getCookie(c, auth.cookie);
  if (token === undefined) return undefined;
  if (mayUseCookie(c, server.allowedOrigins)) return `Bearer ${token}`;
  throw unauthenticated(WRONG_PAGE);
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
 * The caller of a route, who must have the scope or one of the others. For an admin with `X-On-Behalf-Of`, the caller
 * acts as that user.
 * @param action the route's name in the audit log (`recordActs`).
 * @throws {Problem} `forbidden`, `invalid-request` if the header is not a user id.
 */
export function callerWith(c: Context<Env>, scope: Scope, action: AuditAction, ...others: Scope[]): Caller {
  c.set('act', { action, fileId: c.req.param('fileId'), objectKey: c.req.query('key') });
  const identity = actFor(c.get('caller'), c.req.header('x-on-behalf-of'), scope);
  c.set('caller', identity);
  requireScope(identity, scope, ...others);
  return { ...identity, requestId: c.get('requestId'), address: c.get('address') };
}
