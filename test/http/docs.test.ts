import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { renderDocs } from '../../src/http/docs/render-docs.ts';
import { description, operations } from '../helpers/description.ts';
import { mint, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const HOSTILE = `</style><script>alert("1")</script>' onload='x`;

/** The same JSON with another text in place of every text. */
function withTexts(value: unknown, text: string): unknown {
  if (typeof value === 'string') return value.startsWith('#/') ? value : text;
  if (Array.isArray(value)) return value.map((each) => withTexts(each, text));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withTexts(each, text)]));
}

describe('GET /docs', () => {
  it('is one page, in which no script can run', async () => {
    const response = await service.app.request('/docs');
    const page = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const hash = createHash('sha256')
      .update(/<style>(.*)<\/style>/s.exec(page)?.[1] ?? '')
      .digest('base64');
    const none = ['base-uri', 'form-action', 'frame-ancestors'].map((name) => `${name} 'none'`);
    const policy = ["default-src 'none'", `style-src 'sha256-${hash}'`, ...none].join('; ');
    expect(response.headers.get('content-security-policy')).toBe(policy);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(page).not.toMatch(/<script|<link|<img| style=| on\w+=|https?:\/\/(?!(uploads\.)?s3\.eu-central-1)/);
  });

  it('has every operation, schema, problem and example of the description, and links that lead somewhere', async () => {
    const page = await (await service.app.request('/docs')).text();
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.length).toBeGreaterThan(60);
    expect(links.filter((id) => !ids.has(id))).toEqual([]);
    const { schemas } = description.components as unknown as { schemas: object };
    const wanted = [...operations.map(({ id }) => id), ...Object.keys(schemas).map((name) => `schema-${name}`)];
    expect(wanted.filter((id) => !ids.has(id))).toEqual([]);
    for (const text of ['quota-exceeded', 'lease_2026.txt', 'Retry-After', 'X-On-Behalf-Of', 'partNumbers=1%2C2']) {
      expect(page, text).toContain(text);
    }
    expect(page).toContain('curl -X POST &quot;$SIGNPOST/presign-upload&quot;');
  });

  it('escapes every text of the description', () => {
    const page = renderDocs({ ...(withTexts(description, HOSTILE) as object), tags: [{ name: HOSTILE }] });
    expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; onload=&#39;x');
    expect(page).not.toMatch(/<script|' onload/);
  });

  it('leads to the description and the routes wherever the service is mounted, also if nobody tells it where', async () => {
    const app = new Hono().mount('/api/files', service.app.fetch);
    const at = 'http://app.test/api/files/docs';
    const page = await (await app.request(at)).text();
    const [, link = ''] = /for programs: <a href="([^"]+)"/.exec(page) ?? [];
    const document = await app.request(new URL(link, at).href);
    const { servers, paths } = (await document.json()) as { servers: { url: string }[]; paths: object };
    const root = new URL(servers[0]?.url ?? '', new URL(link, at)).href.replace(/\/$/, '');
    expect(root).toBe('http://app.test/api/files');
    expect(Object.keys(paths)).toContain('/healthz');
    expect((await app.request(`${root}/healthz`)).status).toBe(200);
  });

  it('is not there in production', async () => {
    const app = createApp(withConfig(service.services, 'server', { production: true }));
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    expect((await app.request('/docs', { headers })).status).toBe(404);
    expect((await app.request('/openapi.json')).status).toBe(200);
  });
});

describe('GET /client.js', () => {
  it('serves the SDK to the pages of any origin, until it changes from the memory of the browser', async () => {
    const at = (headers = {}) => service.app.request('/client.js', { headers });
    const first = await at({ origin: 'https://evil.example' });
    expect(first.status).toBe(200);
    expect(await first.text()).toMatch(/export ?\{[^}]*\bas createSignpost\b/);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'access-control-allow-origin': '*',
      'cache-control': 'public, max-age=300',
      'x-content-type-options': 'nosniff',
    });
    const etag = first.headers.get('etag') ?? '';
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await at({ 'if-none-match': known });
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await at({ 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('compresses the SDK for those who accept it', async () => {
    const at = (headers = {}) => service.app.request('/client.js', { headers });
    const plain = await at({ 'accept-encoding': 'br, gzip;q=0' });
    const text = await plain.text();
    for (const accepted of ['gzip, deflate, br, zstd', 'br;q=1.0, gzip;q=0.8', 'GZIP']) {
      const compressed = await at({ 'accept-encoding': accepted });
      const bytes = Buffer.from(await compressed.arrayBuffer());
      expect(gunzipSync(bytes).toString()).toBe(text);
      expect(Object.fromEntries(compressed.headers)).toMatchObject({
        'content-encoding': 'gzip',
        'content-length': String(bytes.length),
        vary: 'accept-encoding',
      });
      const etag = compressed.headers.get('etag') ?? '';
      expect(etag).not.toBe(plain.headers.get('etag'));
      expect((await at({ 'accept-encoding': accepted, 'if-none-match': etag })).status).toBe(304);
    }
    expect([plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual([null, 'accept-encoding']);
  });
});
