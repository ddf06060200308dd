import { createMiddleware } from 'hono/factory';
import { ANY_ORIGIN, isNamedOrigin } from '../config/origins.ts';
import { answer } from './answer.ts';
import type { Env } from './env.ts';

/** Request headers that are always allowed; a preflight may ask for more. */
const HEADERS = 'Authorization, Content-Type, X-On-Behalf-Of, X-Request-Id';
/** A comma-separated list of header names (RFC 9110, section 5.6.2), as browsers send it. */
const HEADER_NAMES = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+( *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;
const MAX_ASKED_LENGTH = 1024;

const EXPOSED = 'RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id';

/**
 * CORS (the Fetch standard, section 3.2) for these origins or patterns (`ALLOWED_ORIGINS`): answers preflights, and
 * adds headers to all other answers, including errors. Allows credentials only `withCookies`, and only for a named
 * origin.
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
 * Allows every header that a page asks for, because tools add headers to all requests (`traceparent`, `baggage`,
 * `sentry-trace`). This is safe: an allowed page may send a token anyway, and clients other than browsers can send any
 * header.
 */
function preflight(asked: string | undefined): Record<string, string> {
  const isSane = asked !== undefined && asked.length <= MAX_ASKED_LENGTH && HEADER_NAMES.test(asked);
  return {
    'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
    'access-control-allow-headers': isSane ? `${HEADERS}, ${asked}` : HEADERS,
    'access-control-max-age': '600',
  };
}
