import { createMiddleware } from 'hono/factory';
import { ANY_ORIGIN, isNamedOrigin } from '../config/origins.ts';
import { answer } from './answer.ts';
import type { Env } from './env.ts';

/** What a request has by this contract; more is allowed where a page asks for it. */
const HEADERS = 'Authorization, Content-Type, X-On-Behalf-Of, X-Request-Id';
/** Names of headers (RFC 9110, section 5.6.2), comma-separated, as browsers ask for them. */
const HEADER_NAMES = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+( *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;
const MAX_ASKED_LENGTH = 1024;

const EXPOSED = 'RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id';

/**
 * CORS (the Fetch standard, section 3.2) for these origins, patterns as `ALLOWED_ORIGINS` has them: preflights are
 * answered here, other answers get their headers, errors too. Credentials only `withCookies`, and only for an origin
 * that is named: else tokens travel in a header of their own.
 */
export function allowOrigins(origins: readonly string[], withCookies = false) {
  const any = origins.includes(ANY_ORIGIN);
  return createMiddleware<Env>(async (c, next) => {
    const origin = c.req.header('origin');
    const headers = c.get('headers');
    if (!any || withCookies) headers.vary = 'Origin';
    const isNamed = origin !== undefined && isNamedOrigin(origins, origin);
    const isAllowed = origin !== undefined && (any || isNamed);
    if (isAllowed) {
      const hasCookies = withCookies && isNamed;
      headers['access-control-allow-origin'] = any && !hasCookies ? '*' : origin;
      if (hasCookies) headers['access-control-allow-credentials'] = 'true';
      headers['access-control-expose-headers'] = EXPOSED;
    }
    const isPreflight = c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined;
    if (isPreflight)
      return answer(c, 204, null, isAllowed ? preflight(c.req.header('access-control-request-headers')) : {});
    await next();
  });
}

/**
 * Every header a page asks for is allowed, for tools add theirs to all requests (`traceparent`, `baggage`,
 * `sentry-trace`). Nothing is given away by that: a page that is let in at all may send a token, and what this service
 * or a proxy must not believe from a client, anybody can send without a browser.
 */
function preflight(asked: string | undefined): Record<string, string> {
  const isSane = asked !== undefined && asked.length <= MAX_ASKED_LENGTH && HEADER_NAMES.test(asked);
  return {
    'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
    'access-control-allow-headers': isSane ? `${HEADERS}, ${asked}` : HEADERS,
    'access-control-max-age': '600',
  };
}
