import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, Hono } from 'hono';
import type { Config } from '../../config.ts';
import { Problem } from '../../errors.ts';
import type { SigningEndpoint } from '../../signing/resolve-endpoint.ts';
import { answer } from '../answer.ts';
import type { Env } from '../env.ts';

export type Page = {
  /** Where `index.html` and its assets lie, built. */
  folder: string;
  /** A token of the demo user; null where the page has to ask for one. */
  mintToken: () => Promise<string | null>;
};

type PageServices = { config: Config; endpoint: SigningEndpoint };

const ASSET_TYPES: Readonly<Record<string, string>> = {
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** What stands in `index.html` for the token. */
const TOKEN_PLACEHOLDER = '%TOKEN%';

/**
 * The demo page, for development: open routes, `/` and its assets.
 *
 * The page carries a token only where the service listens on a loopback address and is called by a loopback name: a
 * name of somebody else's that was made to resolve to this machine (DNS rebinding), a tunnel and a neighbour on the
 * network get the page without one. Nothing else may run in it, frame it or, without CORS headers, read it.
 */
export function pageRoutes({ config, endpoint }: PageServices, page: Page): Hono<Env> {
  const routes = new Hono<Env>();
  const headers = securityHeaders(`${endpoint.protocol}//${endpoint.host}`);

  routes.get('/', async (c) => {
    const isLocal = isLoopback(config.host) && isLoopback(new URL(c.req.url).hostname);
    const [html, token] = await Promise.all([readAsset(page, 'index.html'), isLocal ? page.mintToken() : null]);
    return answerAsset(c, html.replace(TOKEN_PLACEHOLDER, token ?? ''), 'text/html; charset=utf-8', headers);
  });

  routes.get('/demo/:asset', async (c) => {
    const name = c.req.param('asset');
    const type = Object.hasOwn(ASSET_TYPES, name) ? ASSET_TYPES[name] : undefined;
    if (type === undefined) throw new Problem('route-not-found', 'there is no such route');
    return answerAsset(c, await readAsset(page, name), type, headers);
  });

  return routes;
}

function answerAsset(c: Context<Env>, text: string, type: string, headers: Readonly<Record<string, string>>): Response {
  return answer(c, 200, text, { 'content-type': type, ...headers });
}

async function readAsset({ folder }: Page, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (cause) {
    throw new Problem('route-not-found', 'the page is not built: npm run build', { cause });
  }
}

/** Content Security Policy Level 3: nothing but its own files, this service, and what the bucket serves. */
function securityHeaders(bucketOrigin: string): Record<string, string> {
  const policy = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': `'self' ${bucketOrigin}`,
    'media-src': bucketOrigin,
    'frame-src': bucketOrigin,
    'connect-src': `'self' ${bucketOrigin}`,
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    'require-trusted-types-for': "'script'",
  };
  return {
    'content-security-policy': Object.entries(policy)
      .map((directive) => directive.join(' '))
      .join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}

/** What nobody else's DNS can make one of: RFC 6761 section 6.3, RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3. */
function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host);
}
