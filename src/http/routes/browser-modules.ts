import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { namesEtag } from '../../files/read-content.ts';
import { answer } from '../answer.ts';
import type { Env } from '../env.ts';
import type { Operation, Operations } from '../openapi/operation.ts';

/** Put in by `scripts/build.mjs`: a Worker or a Lambda has no folder beside the code, and serves them too. */
declare const BROWSER_MODULES: Readonly<Record<string, { text: string; gzipBase64: string }>>;

/** How long a browser uses a module without asking whether it has changed. */
const KEPT_SECONDS = 300;

/**
 * The SDK as an ES module, for pages without a bundler: open to everybody, and importable by the pages of any origin,
 * because it is the same for everybody and holds no secret.
 */
export function browserModuleRoutes(): Hono<Env> {
  const routes = new Hono<Env>();
  for (const [name, { text, gzipBase64 }] of Object.entries(BROWSER_MODULES)) {
    const hash = createHash('sha256').update(text).digest('base64url');
    const gzip = Uint8Array.from(Buffer.from(gzipBase64, 'base64'));
    routes.get(`/${name}`, (c) => {
      const isGzip = acceptsGzip(c.req.header('accept-encoding'));
      const headers = {
        // Of these bytes: those that are not compressed have another one (RFC 9110, section 8.8.3.3).
        etag: isGzip ? `"${hash}-gzip"` : `"${hash}"`,
        'cache-control': `public, max-age=${KEPT_SECONDS}`,
        'access-control-allow-origin': '*',
        vary: 'accept-encoding',
      };
      if (namesEtag(c.req.header('if-none-match'), headers.etag)) return answer(c, 304, null, headers);
      const whole = { ...headers, 'content-type': 'text/javascript; charset=utf-8' };
      if (!isGzip) return answer(c, 200, text, whole);
      const length = { 'content-encoding': 'gzip', 'content-length': String(gzip.length) };
      return answer(c, 200, gzip, { ...whole, ...length });
    });
  }
  return routes;
}

/** Reads `Accept-Encoding` (RFC 9110, section 12.5.3). All browsers send `gzip`. */
function acceptsGzip(header = ''): boolean {
  return header.split(',').some((coding) => /^\s*(x-)?gzip\s*(;(?!\s*q=0(\.0*)?\s*$)|$)/i.test(coding));
}

/** What the description of the API says of these routes. */
export const browserModuleOperations: Operations = {
  'GET /client.js': describeModule('getClient', 'The SDK'),
  'GET /uploader.js': describeModule('getUploader', 'The element `<signpost-uploader>`'),
};

function describeModule(id: string, what: string): Operation {
  const headers = {
    ETag: 'Changes with the module',
    'Cache-Control': 'How long the module may be used without asking again',
  };
  return {
    id,
    tag: 'Service',
    scopes: null,
    problems: [],
    summary: `${what} as an ES module, for pages without a bundler`,
    headers: { 'If-None-Match': 'The ETag of the module that the client has' },
    answers: {
      200: { description: 'The module', bytes: true, headers },
      304: { description: 'The client has it', headers },
    },
  };
}
