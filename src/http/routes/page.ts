import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, Hono } from 'hono';
import type { Config } from '../../config/config.ts';
import { Problem } from '../../contract/errors.ts';
import { isLoopback } from '../../net/is-loopback.ts';
import type { SigningEndpoint } from '../../signing/signing-endpoint.ts';
import { answer } from '../answer.ts';
import type { Env } from '../env.ts';
import { routeNotFound } from '../no-route.ts';

export type Page = {
  /** The folder of the built `index.html` and its assets. */
  folder: string;
  /** A token of the demo user; null if the page must ask for one. */
  mintToken: () => Promise<string | null>;
};

type PageServices = { config: Pick<Config, 'server' | 'urls'>; endpoint: SigningEndpoint };

const ASSET_TYPES: Readonly<Record<string, string>> = {
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** The placeholders in `index.html`: for the token, and for where files are downloaded from. */
const TOKEN_PLACEHOLDER = '%TOKEN%';
const DOWNLOADS_PLACEHOLDER = '%DOWNLOADS%';

/**
 * The page of the product, for development: open routes, `/` and its assets.
 *
 * The page contains a token only if the service listens on a loopback address and is called by a loopback name, without
 * a proxy. So DNS rebinding, a tunnel or another machine gets the page without a token. Every account on this machine
 * gets the token: loopback is shared. Other sites cannot run scripts in the page, frame it or, without CORS headers,
 * read it.
 */
export function pageRoutes({ config, endpoint }: PageServices, page: Page): Hono<Env> {
  const routes = new Hono<Env>();
  const headers = securityHeaders(`${endpoint.protocol}//${endpoint.host}`);

  routes.get('/', async (c) => {
    const isLocal = isLoopback(config.server.host) && isLoopback(new URL(c.req.url).hostname) && !hasProxy(c);
    const [html, token] = await Promise.all([readAsset(page, 'index.html'), isLocal ? page.mintToken() : null]);
    const filled = html
      .replace(TOKEN_PLACEHOLDER, token ?? '')
      .replace(DOWNLOADS_PLACEHOLDER, config.urls.presignsDownloads ? 'bucket' : 'service');
    return answerAsset(c, filled, 'text/html; charset=utf-8', headers);
  });

  routes.get('/demo/:asset', async (c) => {
    const name = c.req.param('asset');
    const type = Object.hasOwn(ASSET_TYPES, name) ? ASSET_TYPES[name] : undefined;
    if (type === undefined) throw routeNotFound();
    return answerAsset(c, await readAsset(page, name), type, headers);
  });

  return routes;
}

/** Prefixes of the headers that proxies, tunnels and CDNs add (RFC 7239, RFC 9110 section 7.6.3). */
const PROXY_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded',
  'x-original-',
  'x-proxy',
  'x-cluster-',
  'client-ip',
  'true-client-',
  'x-client-',
  'x-real-',
  'cdn-',
  'cf-',
  'fastly-',
  'fly-',
  'ngrok-',
  'x-amzn-',
  'x-envoy-',
  'x-vercel-',
];

/** Whether the request came through a proxy. nginx may add no header, but speaks HTTP/1.0, as no browser does. */
function hasProxy(c: Context<Env>): boolean {
  const isOld = c.env?.incoming?.httpVersion === '1.0';
  return isOld || [...c.req.raw.headers.keys()].some((name) => PROXY_HEADERS.some((start) => name.startsWith(start)));
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

/**
 * Content Security Policy Level 3: allows only the page's own files, this service, and the bucket. `blob:` is for files
 * that the page reads itself, because no link leads to them.
 */
function securityHeaders(bucketOrigin: string): Record<string, string> {
  const policy = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': `'self' blob: ${bucketOrigin}`,
    'media-src': `blob: ${bucketOrigin}`,
    'frame-src': `blob: ${bucketOrigin}`,
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
