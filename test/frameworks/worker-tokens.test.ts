import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, createKeyPair } from '../auth/tokens.ts';
import { listen } from '../helpers/listen.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { startTestParts, type TestParts } from './start-parts.ts';
import { startWorker } from './start-worker.ts';
import { sendTo, upload } from './upload-through.ts';

const ISSUER = 'https://issuer.example.com/';
const AUDIENCE = 'https://app.example.com';

const key = await createKeyPair('RS256', 'first');
const other = await createKeyPair('RS256', 'first');

let issuer: Server;
/** How many fetches of the keys arrived, and the answers that wait. */
let asked = 0;
let held: (() => void)[] | null = null;
let issuerUrl = '';
let parts: TestParts;
let proxy: Awaited<ReturnType<typeof startNeonProxy>>;
let app: Awaited<ReturnType<typeof startWorker>>;
beforeAll(async () => {
  issuer = createServer((_, response) => {
    asked += 1;
    const answer = () => response.end(JSON.stringify({ keys: [key.jwk] }));
    if (held === null) answer();
    else held.push(answer);
  });
  issuerUrl = await listen(issuer);
  parts = await startTestParts();
  proxy = await startNeonProxy();
});
beforeEach(async () => {
  [asked, held] = [0, null];
  await app?.stop();
  const { NODE_ENV, ...env } = parts.env;
  const settings = { JWKS_URL: `${issuerUrl}/jwks.json`, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };
  app = await startWorker(proxy.address, { ...env, ...settings, DATABASE_DRIVER: 'neon' }, 'worker-tokens.js');
});
afterAll(async () => {
  await app?.stop();
  await proxy.stop();
  await parts.stop();
  issuer.close();
});

const claims = (sub: string, more: object = {}) => ({ sub, iss: ISSUER, aud: AUDIENCE, ...more });
const tokenOf = (sub: string, more: object = {}, by = key) =>
  bearer(claims(sub, more), by.privateKey, { alg: 'RS256', kid: 'first' });
const as =
  (authorization: string) =>
  (path: string, init: RequestInit = {}) =>
    sendTo(`${app.url}/uploads`)(path, { ...init, headers: { ...init.headers, authorization } });

describe("an issuer's tokens in a Cloudflare Worker", () => {
  it('are verified with the keys of JWKS_URL, which are fetched once', async () => {
    const { objectKey } = await upload(as(await tokenOf('ada')), new Uint8Array(5), 'application/pdf');
    expect(objectKey).toMatch(/^ada\//);
    expect(asked).toBe(1);
    const refused = [tokenOf('ada', { aud: 'another' }), tokenOf('ada', { exp: 1 }), tokenOf('ada', {}, other)];
    const statuses = refused.map(async (token) => (await as(await token)('/files')).status);
    expect(await Promise.all(statuses)).toEqual([401, 401, 401]);
  });

  it('are verified for all that wait for the keys, also when the client that asked for them has gone', async () => {
    held = [];
    const leaving = new AbortController();
    const left = as(await tokenOf('bea'))('/files', { signal: leaving.signal }).catch(() => {});
    await expect.poll(() => asked).toBe(1);
    const tokens = await Promise.all(Array.from({ length: 10 }, (_, n) => tokenOf(`user-${n}`)));
    const waiting = tokens.map((token) => as(token)('/files'));
    leaving.abort();
    await left;
    for (const answer of held) answer();
    held = null;
    const answers = await Promise.all(waiting);
    expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 200));
    expect(app.output()).not.toMatch(/different request context|hang|terminated/);
  });

  it('are 503 while the keys cannot be fetched, and verified later by the same isolate', async () => {
    issuer.closeAllConnections();
    await new Promise((resolve) => issuer.close(resolve));
    const send = as(await tokenOf('carl'));
    const down = await send('/files');
    expect([down.status, await down.json()]).toMatchObject([503, { code: 'keys-unavailable' }]);
    issuer.listen(Number(new URL(issuerUrl).port), '127.0.0.1');
    await expect.poll(async () => (await send('/files')).status, { interval: 500 }).toBe(200);
  });
});
