import { getPath } from 'hono/utils/url';

const BEHIND_TOKEN = /^\/+t\/+([^/]*)(.*)$/s;
/**
 * The only routes that accept a token in the path: those of Uppy 6, which sends no headers. Not the one that answers
 * credentials: URLs are remembered in many places.
 */
const ROUTES = /^\/(s3\/(?!sts$)|sign-request$)/;

/** Replaces the token in any other path: no route matches it, and the log may have it. */
const REDACTED = '/t/…';

/** Whether a route accepts a token in front of its path. */
export function acceptsPathToken(path: string): boolean {
  return ROUTES.test(path);
}

/**
 * Splits a request's path from the token in front of it: routing and log see `/t/<token>/s3/…` as `/s3/…`, without
 * the token.
 * @param basePath where the service is mounted, like `/api/uploads`: left out, if the path begins with it.
 */
export function splitPathToken(request: Request, basePath = ''): { token: string | null; path: string } {
  const whole = getPath(request);
  const isBelow = basePath !== '' && (whole === basePath || whole.startsWith(`${basePath}/`));
  const path = isBelow ? whole.slice(basePath.length) || '/' : whole;
  const [, token, rest = ''] = BEHIND_TOKEN.exec(path) ?? [];
  if (token === undefined) return { token: null, path };
  return acceptsPathToken(rest) ? { token, path: rest } : { token: null, path: REDACTED };
}
