import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import type { Config } from '../../config/config.ts';
import { answer } from '../answer.ts';
import { DOCS_STYLE } from '../docs/docs-style.ts';
import { renderDocs } from '../docs/render-docs.ts';
import type { Env } from '../env.ts';
import { describeApi } from '../openapi/describe-api.ts';

/**
 * The description of the API, open to everybody; in development also as a page, without scripts. Made when it is first
 * asked for.
 */
export function descriptionRoutes(services: { config: Pick<Config, 'auth' | 'server'> }): Hono<Env> {
  const routes = new Hono<Env>();
  const { auth, server } = services.config;
  const describe = () => describeApi({ cookie: auth.cookie });
  let text: string | undefined;
  routes.get('/openapi.json', (c) => {
    text ??= JSON.stringify(describe());
    return answer(c, 200, text, { 'content-type': 'application/json' });
  });
  if (server.production) return routes;
  let page: string | undefined;
  routes.get('/docs', (c) => {
    page ??= renderDocs(describe());
    return answer(c, 200, page, PAGE_HEADERS);
  });
  return routes;
}

/** Content Security Policy Level 3: nothing but the page's own styles. */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(DOCS_STYLE).digest('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
};
