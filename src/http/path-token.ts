import { getPath } from 'hono/utils/url';

const BEHIND_TOKEN = /^\/+t\/+([^/]*)(.*)$/s;
/** The only routes that take a token so: those of Uppy 6, which sends no headers. */
const ROUTES = /^\/(s3\/|sign-request$)/;
/** Stands where the token stood, for whatever else is asked for so: it is found nowhere, and logged. */
const REDACTED = '/t/…';

/**
 * A request's path, and the token in front of it: `/t/<token>/s3/…` is `/s3/…` to routing and the log, which never see
 * the token.
 */
export function splitPathToken(request: Request): { token: string | null; path: string } {
  const path = getPath(request);
  const [, token, rest = ''] = BEHIND_TOKEN.exec(path) ?? [];
  if (token === undefined) return { token: null, path };
  return ROUTES.test(rest) ? { token, path: rest } : { token: null, path: REDACTED };
}
