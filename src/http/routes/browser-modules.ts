import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { answer } from '../answer.ts';
import type { Env } from '../env.ts';

/** Put in by `scripts/build.mjs`: a Worker or a Lambda has no folder beside the code, and serves them too. */
declare const BROWSER_MODULES: Readonly<Record<string, string>>;

/** How long a browser uses a module without asking whether it has changed. */
const KEPT_SECONDS = 300;

/**
 * The SDK as an ES module, for pages without a bundler: open to everybody, and importable by the pages of any origin,
 * because it is the same for everybody and holds no secret.
 */
export function browserModuleRoutes(): Hono<Env> {
  const routes = new Hono<Env>();
  for (const [name, text] of Object.entries(BROWSER_MODULES)) {
    const headers = {
      etag: `"${createHash('sha256').update(text).digest('base64url')}"`,
      'cache-control': `public, max-age=${KEPT_SECONDS}`,
      'access-control-allow-origin': '*',
    };
    routes.get(`/${name}`, (c) => {
      if (isKnown(c.req.header('if-none-match'), headers.etag)) return answer(c, 304, null, headers);
      return answer(c, 200, text, { ...headers, 'content-type': 'text/javascript; charset=utf-8' });
    });
  }
  return routes;
}

/** Compares as `If-None-Match` does (RFC 9110, section 13.1.2): a proxy that compresses makes the tag a weak one. */
function isKnown(header: string | undefined, etag: string): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
