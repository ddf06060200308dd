import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

const APP = 'https://app.example';
const OWN = 'http://files.example';

let service: TestService;
let cookie: string;
beforeAll(async () => {
  service = await startTestService({ env: { AUTH_COOKIE: '__Host-token', ALLOWED_ORIGINS: `*,${APP}` } });
  cookie = `theme=dark; __Host-token=${await mint('alice')}`;
});
afterAll(() => service.close());

const ask = (headers: Record<string, string>, { method = 'GET', on = service } = {}) =>
  on.app.request(`${OWN}${method === 'GET' ? '/files' : '/presign-upload'}`, {
    method,
    headers: { cookie, ...(method === 'POST' && { 'content-type': 'application/json' }), ...headers },
    ...(method === 'POST' && { body: '{"fileName":"a.txt","contentType":"text/plain","size":5}' }),
  });

describe('AUTH_COOKIE', () => {
  it.each([
    ['a named origin', { origin: APP }],
    ['a named origin on the same site', { origin: APP, 'sec-fetch-site': 'same-site' }],
    ['its own origin, behind a proxy', { origin: 'https://files.example', 'sec-fetch-site': 'same-origin' }],
  ])('is accepted from %s, for reading and writing', async (_, headers: Record<string, string>) => {
    expect((await ask(headers)).status).toBe(200);
    expect((await ask(headers, { method: 'POST' })).status).toBe(200);
  });

  it.each([
    ['an origin that only `*` allows', { origin: 'https://evil.example' }],
    ['another origin on the same site', { origin: 'https://blog.example', 'sec-fetch-site': 'same-site' }],
    ['a named origin on another site', { origin: APP, 'sec-fetch-site': 'cross-site' }],
    ['the same host without TLS', { origin: OWN, 'sec-fetch-site': 'same-site' }],
    ['the same host without TLS, from a browser without Sec-Fetch-Site', { origin: OWN }],
    ['a sandboxed page', { origin: 'null' }],
    ['an origin called *', { origin: '*' }],
    ['an unknown page', {}],
    ['an image on another site', { 'sec-fetch-site': 'cross-site' }],
    ['the address bar', { 'sec-fetch-site': 'none' }],
  ])('is refused from %s', async (_, headers: Record<string, string>) => {
    for (const method of ['GET', 'POST']) {
      const response = await ask(headers, { method });
      expect([response.status, await response.json()]).toMatchObject([401, { code: 'unauthenticated' }]);
    }
  });

  it('is accepted over plain http on this machine', async () => {
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      const on = async (page: string) =>
        (await service.app.request(`${origin}/files`, { headers: { cookie, origin: page } })).status;
      expect([await on(origin), await on('http://localhost:4000')]).toEqual([200, 401]);
    }
  });

  it('is accepted for a link or an image on the same site, for reading only', async () => {
    for (const site of ['same-origin', 'same-site']) {
      expect((await ask({ 'sec-fetch-site': site })).status).toBe(200);
      expect((await ask({ 'sec-fetch-site': site }, { method: 'POST' })).status).toBe(401);
    }
  });

  it('is ignored with an Authorization header', async () => {
    expect((await ask({ origin: APP, authorization: 'Bearer x.y.z' })).status).toBe(401);
    const authorization = `Bearer ${await mint('bob')}`;
    expect((await ask({ origin: 'https://evil.example', authorization })).status).toBe(200);
    expect(service.logs.at(-1)?.fields.userId).toBe('bob');
  });

  it('is verified like any token, and never reaches the log', async () => {
    const expired = `__Host-token=${await mint('alice', { exp: Math.floor(Date.now() / 1000) - 10 })}`;
    expect((await ask({ origin: APP, cookie: expired })).status).toBe(401);
    expect(JSON.stringify(service.logs)).not.toContain(cookie.slice(-40));
  });

  it('lets only pages that may use it read the answers', async () => {
    const headersFor = async (origin: string) => {
      const { headers } = await ask({ origin });
      return ['origin', 'credentials'].map((name) => headers.get(`access-control-allow-${name}`));
    };
    expect(await headersFor(APP)).toEqual([APP, 'true']);
    expect(await headersFor('https://other.example')).toEqual(['*', null]);
    expect((await ask({ origin: APP })).headers.get('vary')).toBe('Origin');
    const preflight = await service.app.request('/files', {
      method: 'OPTIONS',
      headers: { origin: APP, 'access-control-request-method': 'DELETE' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-credentials')]).toEqual([204, 'true']);
  });

  it('is accepted from a subdomain by pattern only if the browser reports the same site', async () => {
    const env = { AUTH_COOKIE: '__Host-token', ALLOWED_ORIGINS: 'https://*.files.example' };
    const wild = await startTestService({ env });
    const origin = 'https://app.files.example';
    const from = async (headers: Record<string, string>) => (await ask(headers, { method: 'POST', on: wild })).status;
    expect(await from({ origin, 'sec-fetch-site': 'same-site' })).toBe(200);
    expect(await from({ origin })).toBe(401);
    expect(await from({ origin, 'sec-fetch-site': 'cross-site' })).toBe(401);
    expect(await from({ origin: 'https://app.other.example', 'sec-fetch-site': 'same-site' })).toBe(401);
    const { headers } = await ask({ origin, 'sec-fetch-site': 'same-site' }, { on: wild });
    expect(headers.get('access-control-allow-credentials')).toBe('true');
    await wild.close();
  });

  it('is off by default', async () => {
    const plain = await startTestService({ env: { ALLOWED_ORIGINS: APP } });
    const response = await ask({ origin: APP }, { on: plain });
    expect([response.status, response.headers.get('access-control-allow-credentials')]).toEqual([401, null]);
    await plain.close();
  });
});
