import { createMiddleware } from 'hono/factory';
import { answer } from './answer.ts';
import type { Env } from './env.ts';

const EXPOSED = 'RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id';
const PREFLIGHT = {
  'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
  'access-control-allow-headers': 'Authorization, Content-Type, X-On-Behalf-Of, X-Request-Id',
  'access-control-max-age': '600',
};

/**
 * CORS (the Fetch standard, section 3.2) for these origins, `*` for any: preflights are answered here, other answers
 * get their headers, errors too. Credentials only `withCookies`, and only for an origin that is named: else tokens
 * travel in a header of their own.
 */
export function allowOrigins(origins: readonly string[], withCookies = false) {
  const any = origins.includes('*');
  return createMiddleware<Env>(async (c, next) => {
    const origin = c.req.header('origin');
    const headers = c.get('headers');
    if (!any || withCookies) headers.vary = 'Origin';
    const isNamed = origin !== undefined && origin !== '*' && origins.includes(origin);
    const isAllowed = origin !== undefined && (any || isNamed);
    if (isAllowed) {
      const hasCookies = withCookies && isNamed;
      headers['access-control-allow-origin'] = any && !hasCookies ? '*' : origin;
      if (hasCookies) headers['access-control-allow-credentials'] = 'true';
      headers['access-control-expose-headers'] = EXPOSED;
    }
    const isPreflight = c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined;
    if (isPreflight) return answer(c, 204, null, isAllowed ? PREFLIGHT : {});
    await next();
  });
}
