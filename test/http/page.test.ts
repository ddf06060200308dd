import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { createApp } from '../../src/http/app.ts';
import { createServices, type Services } from '../../src/start/services.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startTestBucket } from '../helpers/test-service.ts';

const SECRET = 'a secret for tests that has more than thirty-two bytes';
const TOKEN = /content="(eyJ[\w-]+\.[\w-]+\.[\w-]+)"/;

let directory: string;
let database: TestDatabase;
let bucket: Awaited<ReturnType<typeof startTestBucket>>;
const opened: Services[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signpost-page-'));
  await mkdir(join(directory, 'demo'));
  await writeFile(join(directory, 'demo/index.html'), '<meta name="signpost-token" content="%TOKEN%">');
  await writeFile(join(directory, 'demo/page.js'), 'run()');
  await writeFile(join(directory, 'secret.txt'), 'secret');
  [database, bucket] = await Promise.all([createTestDatabase(), startTestBucket()]);
});
afterAll(async () => {
  for (const services of opened) await services.close();
  await bucket.close();
  await database.drop();
  await rm(directory, { recursive: true });
});

/** The service as started by `npm start`, with additional settings. */
async function start(settings: Record<string, string> = {}) {
  const services = await createServices(
    parseConfig({ DATA_DIR: directory, DATABASE_URL: database.url, ...bucket.env, ...settings }),
    {
      logger: { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} },
      pageFolder: join(directory, 'demo'),
    },
  );
  opened.push(services);
  return createApp(services);
}

const tokenAt = async (app: Awaited<ReturnType<typeof start>>, url: string, ...more: [RequestInit?, object?]) => {
  const response = await app.request(url, ...more);
  expect(response.status).toBe(200);
  return TOKEN.exec(await response.text())?.[1] ?? null;
};

describe('GET /', () => {
  it('contains a valid token of the demo user', async () => {
    const app = await start();
    const token = await tokenAt(app, 'http://127.0.0.1:3000/');
    expect(JSON.parse(atob(token?.split('.')[1] ?? ''))).toMatchObject({ sub: 'demo' });
    const files = await app.request('/files', { headers: { authorization: `Bearer ${token}` } });
    expect(await files.json()).toEqual({ files: [], nextCursor: null });
  });

  it('contains it only under loopback names, because others could be rebound to this machine', async () => {
    const app = await start();
    for (const host of ['localhost:3000', '127.0.0.1', '127.9.9.9:80', '[::1]:3000']) {
      expect(await tokenAt(app, `http://${host}/`), host).not.toBeNull();
    }
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.7', '[::2]']) {
      expect(await tokenAt(app, `http://${host}/`), host).toBeNull();
    }
  });

  it('contains none through a proxy', async () => {
    const app = await start();
    const proxied = ['X-Forwarded-For', 'X-Forwarded-Host', 'Forwarded', 'Via', 'X-Real-IP', 'CF-Connecting-IP'];
    for (const name of [
      ...proxied,
      'X-Original-Host',
      'X-Envoy-External-Address',
      'True-Client-IP',
      'X-Amzn-Trace-Id',
    ]) {
      expect(await tokenAt(app, 'http://127.0.0.1:3000/', { headers: { [name]: '127.0.0.1' } }), name).toBeNull();
    }
    const incoming = { httpVersion: '1.0', socket: { remoteAddress: '127.0.0.1' } };
    expect(await tokenAt(app, 'http://127.0.0.1:3000/', {}, { incoming })).toBeNull();
    const browser = { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document', 'cache-control': 'max-age=0' };
    const direct = { incoming: { ...incoming, httpVersion: '1.1' } };
    expect(await tokenAt(app, 'http://127.0.0.1:3000/', { headers: browser }, direct)).not.toBeNull();
  });

  it('contains none if it listens on the network, or the key was configured', async () => {
    for (const settings of [{ HOST: '0.0.0.0' }, { HOST: '192.168.1.5' }, { JWT_SECRET: SECRET }]) {
      expect(await tokenAt(await start(settings), 'http://127.0.0.1:3000/'), JSON.stringify(settings)).toBeNull();
    }
  });

  it('can be read, framed or scripted by no other origin, even if the service allows any', async () => {
    const app = await start({ ALLOWED_ORIGINS: '*' });
    for (const path of ['/', '/demo/page.js']) {
      const { headers } = await app.request(path, { headers: { origin: 'https://evil.example' } });
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
      const policy = headers.get('content-security-policy')?.split('; ');
      const bucketOrigin = new URL(bucket.endpoint).origin;
      expect(policy).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "frame-ancestors 'none'",
          `connect-src 'self' ${bucketOrigin}`,
          `frame-src blob: ${bucketOrigin}`,
        ]),
      );
    }
    const files = await app.request('/files', { headers: { origin: 'https://evil.example' } });
    expect(files.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('does not exist in production, nor do its assets', async () => {
    const app = await start({ NODE_ENV: 'production', JWT_SECRET: SECRET });
    for (const path of ['/', '/demo/page.js']) expect((await app.request(path)).status, path).toBe(401);
  });
});

describe('GET /demo/{asset}', () => {
  it('serves the page’s files with their types', async () => {
    const response = await (await start()).request('/demo/page.js');
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await response.text()).toBe('run()');
  });

  it('serves nothing else', async () => {
    const app = await start();
    for (const name of ['index.html', 'secret.txt', '..%2Fsecret.txt', 'page.css', 'constructor', '__proto__', '%00']) {
      expect((await app.request(`/demo/${name}`)).status, name).toBe(404);
    }
  });
});
