import type { JWK } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { freePort } from '../helpers/listen.ts';
import { accepts, first, PATIENCE, refuses, second, setOf, start, tokenOf } from './key-server.ts';
import { authOf, createClock, json, problemOf, type serve, signedByHand } from './tokens.ts';

describe('a URL that fails', () => {
  const badAnswers: [string, Parameters<typeof serve>[0]][] = [
    ['an error', (_request, response) => response.writeHead(503).end(JSON.stringify({ keys: [second.jwk] }))],
    ['HTML', (_request, response) => response.end('<html></html>')],
    ['nothing', (_request, response) => response.end()],
    ['JSON that is not a key set', json({ error: 'later' })],
    ['keys that are not objects', json({ keys: [null, 'x'] })],
    [
      'a redirect to a good set',
      (request, response) => {
        if (request.url === '/elsewhere') setOf(second.jwk)(request, response);
        else response.writeHead(302, { location: '/elsewhere' }).end();
      },
    ],
    ['a set of over 512 KiB', json({ keys: [second.jwk], padding: 'x'.repeat(600_000) })],
    ['a closed connection', (request) => request.socket.destroy()],
  ];

  it.each(badAnswers)('keeps the last good set when it answers %s', async (_name, answer) => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    await accepts(verify, await tokenOf(first));
    server.answer = answer;
    for (const _day of [1, 2, 3]) {
      moveSeconds(86_400);
      await accepts(verify, await tokenOf(first));
      await refuses(verify, await tokenOf(second), 'keys-unavailable');
    }
    server.answer = setOf(second.jwk);
    moveSeconds(5);
    await accepts(verify, await tokenOf(second));
    await refuses(verify, await tokenOf(first));
  });

  it.each(badAnswers)('gives keys-unavailable when its first answer is %s, and recovers', async (_name, answer) => {
    const { server, verify, moveSeconds } = await start(answer);
    const problem = await problemOf(async () => verify(await tokenOf(first)));
    expect(problem.code).toBe('keys-unavailable');
    expect(problem.headers).toEqual({ 'retry-after': '5' });
    expect(problem.cause).toBeInstanceOf(Error);
    await refuses(verify, await tokenOf(first), 'keys-unavailable');
    const before = server.requests;
    server.answer = setOf(first.jwk);
    await refuses(verify, await tokenOf(first), 'keys-unavailable');
    expect(server.requests).toBe(before);
    moveSeconds(5);
    await accepts(verify, await tokenOf(first));
  });

  it('is fetched again 30 s after a failure, in the background of a request', async () => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    await accepts(verify, await tokenOf(first));
    server.answer = (_request, response) => response.writeHead(500).end();
    moveSeconds(1200);
    await accepts(verify, await tokenOf(first));
    server.answer = setOf(second.jwk);
    moveSeconds(29);
    await accepts(verify, await tokenOf(first));
    expect(server.requests).toBe(2);
    moveSeconds(1);
    await accepts(verify, await tokenOf(first));
    await vi.waitFor(async () => refuses(verify, await tokenOf(first)), PATIENCE);
    // The fourth looks for the removed key.
    expect(server.requests).toBe(4);
  });

  it('gives keys-unavailable when nothing listens there', async () => {
    const port = await freePort();
    const verify = await createTokenVerifier({
      ...authOf({ JWKS_URL: `http://127.0.0.1:${port}/` }),
      ...createClock(),
    });
    await refuses(verify, await tokenOf(first), 'keys-unavailable');
    await refuses(verify, 'Bearer garbage');
    await refuses(verify, signedByHand({ alg: 'HS256' }, { sub: 'alice' }));
  });

  it('delays requests no longer than its timeout when its answer never ends', async () => {
    const silent = await start(() => {});
    const stalled = await start((_request, response) => response.writeHead(200).write('{"keys":['));
    await Promise.all(
      [silent, stalled].map(async ({ verify }) => refuses(verify, await tokenOf(first), 'keys-unavailable')),
    );
  });

  it.each<[string, JWK]>([
    ['is malformed', { kty: 'EC', crv: 'P-256', kid: 'first', x: 'AAAA', y: 'AAAA' }],
    ['may not verify', { ...first.jwk, key_ops: ['sign', 'verify'] }],
  ])('tells the log that the key of a token %s', async (_name, jwk) => {
    const { verify } = await start(setOf(jwk));
    const problem = await problemOf(async () => verify(await tokenOf(first)));
    expect(problem.code).toBe('unauthenticated');
    expect(problem.cause).toEqual({ why: 'the key at JWKS_URL that fits it cannot be used' });
  });
});
