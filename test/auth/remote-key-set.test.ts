import { generateKeyPairSync, sign } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { exportJWK, exportSPKI } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { accepts, first, PATIENCE, refuses, second, setOf, start, tokenOf } from './key-server.ts';
import { authOf, bearer, createClock, createKeyPair, problemOf, serve, signedByHand } from './tokens.ts';

describe('keys at a URL', () => {
  it.each(['RS256', 'PS384', 'ES512', 'EdDSA'])('verify %s', async (alg) => {
    const pair = await createKeyPair(alg, 'k');
    const { verify } = await start(setOf(pair.jwk));
    await accepts(verify, await bearer({ sub: 'alice' }, pair.privateKey, { alg, kid: 'k' }));
  });

  it('are fetched once for many requests', async () => {
    const { server, verify } = await start(setOf(first.jwk));
    const headers = await Promise.all(Array.from({ length: 20 }, () => tokenOf(first)));
    await Promise.all(headers.map((header) => accepts(verify, header)));
    expect(server.requests).toBe(1);
  });

  it('verify a token without kid only if a single key fits', async () => {
    const { jwk } = await createKeyPair('ES384', 'other');
    const one = await start(setOf(first.jwk, jwk));
    await accepts(one.verify, await bearer({ sub: 'alice' }, first.privateKey, { alg: 'ES256' }));
    const two = await start(setOf(first.jwk, second.jwk));
    await refuses(two.verify, await bearer({ sub: 'alice' }, first.privateKey, { alg: 'ES256' }));
  });

  it('never verify an HMAC: neither under an oct key nor with the text of a public key', async () => {
    const secret = 'a secret of more than thirty-two bytes';
    const oct = { kty: 'oct', kid: 'oct', k: Buffer.from(secret).toString('base64url') };
    const { verify } = await start(setOf(oct, first.jwk));
    await refuses(verify, signedByHand({ alg: 'HS256', kid: 'oct' }, { sub: 'alice' }, secret));
    const pem = await exportSPKI(first.publicKey);
    await refuses(verify, signedByHand({ alg: 'HS256', kid: 'first' }, { sub: 'alice' }, pem));
    await accepts(verify, await tokenOf(first));
  });

  it('never verify under a private key, an encryption key, RSA of 1024 bits or a key of another algorithm', async () => {
    const rsa = await createKeyPair('RS256', 'enc');
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const shortJwk = { ...short.publicKey.export({ format: 'jwk' }), kid: 'short' };
    const privateJwk = { ...(await exportJWK(second.privateKey)), kid: 'private' };
    const { verify } = await start(
      setOf(first.jwk, privateJwk, { ...rsa.jwk, use: 'enc' }, shortJwk, { ...rsa.jwk, kid: 'alg', alg: 'RS512' }),
    );
    await refuses(verify, await tokenOf(second, 'private'));
    await refuses(verify, await bearer({ sub: 'alice' }, rsa.privateKey, { alg: 'RS256', kid: 'enc' }));
    await refuses(verify, await bearer({ sub: 'alice' }, rsa.privateKey, { alg: 'RS256', kid: 'alg' }));
    const unsigned = `${part({ alg: 'RS256', kid: 'short' })}.${part({ sub: 'alice' })}`;
    const signature = sign('sha256', Buffer.from(unsigned), short.privateKey).toString('base64url');
    await refuses(verify, `Bearer ${unsigned}.${signature}`);
    await accepts(verify, await tokenOf(first));
  });

  it('allow only the algorithms in JWT_ALGORITHMS, and no HMAC there', async () => {
    const { verify } = await start(setOf(first.jwk), ['RS256']);
    await refuses(verify, await tokenOf(first));
    await expect(start(setOf(first.jwk), ['HS256'])).rejects.toThrow('JWT_ALGORITHMS');
  });
});

describe('rotation', () => {
  it('finds a new key at once, for every token signed with it', async () => {
    const { server, verify } = await start(setOf(first.jwk));
    await accepts(verify, await tokenOf(first));
    server.answer = setOf(first.jwk, second.jwk);
    const headers = await Promise.all(Array.from({ length: 20 }, () => tokenOf(second)));
    await Promise.all(headers.map((header) => accepts(verify, header)));
    expect(server.requests).toBe(2);
  });

  it('finds a new key within 5 s despite invented key ids, and answers keys-unavailable until then', async () => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    await refuses(verify, await tokenOf(second, 'made-up'));
    server.answer = setOf(first.jwk, second.jwk);
    const problem = await problemOf(async () => verify(await tokenOf(second)));
    expect(problem).toMatchObject({ code: 'keys-unavailable', headers: { 'retry-after': '5' } });
    expect(server.requests).toBe(2);
    moveSeconds(5);
    await refuses(verify, await tokenOf(second, 'made-up-again'));
    await accepts(verify, await tokenOf(second));
    expect(server.requests).toBe(3);
  });

  it('refuses a key id for good after a fetch that any request caused', async () => {
    const { verify, moveSeconds } = await start(setOf(first.jwk));
    await refuses(verify, await tokenOf(second, 'made-up'));
    await refuses(verify, await tokenOf(second), 'keys-unavailable');
    moveSeconds(5);
    await refuses(verify, await tokenOf(second, 'made-up-again'));
    for (const _attempt of [1, 2, 3]) await refuses(verify, await tokenOf(second));
  });

  it('fetches once per cool-down for many unknown key ids, and known ones keep working', async () => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    await accepts(verify, await tokenOf(first));
    for (const round of [1, 2, 3]) {
      moveSeconds(5);
      const spray = Array.from({ length: 50 }, async (_, n) =>
        problemOf(async () => verify(await tokenOf(second, `${round}-${n}`))),
      );
      await Promise.all([...spray, tokenOf(first).then((header) => accepts(verify, header))]);
      await refuses(verify, await tokenOf(second, `${round}-later`), 'keys-unavailable');
      expect(server.requests).toBe(1 + round);
    }
  });

  it('remembers a limited number of invented key ids', async () => {
    const { server, verify } = await start(setOf(first.jwk));
    for (let n = 0; n < 1200; n += 1) await problemOf(async () => verify(await tokenOf(second, `made-up-${n}`)));
    await refuses(verify, await tokenOf(second, 'made-up-0'), 'keys-unavailable');
    await accepts(verify, await tokenOf(first));
    expect(server.requests).toBe(2);
  });

  it('fetches once per cool-down while the URL is down, and answers keys-unavailable', async () => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    await refuses(verify, await tokenOf(second, 'looked-for'));
    server.answer = (_request, response) => response.writeHead(500).end();
    moveSeconds(5);
    for (let n = 0; n < 10; n += 1) await refuses(verify, await tokenOf(second, `made-up-${n}`), 'keys-unavailable');
    expect(server.requests).toBe(3);
    await refuses(verify, await tokenOf(second, 'looked-for'));
    await accepts(verify, await tokenOf(first));
  });

  it('does not depend on the system clock, which may be set back', async () => {
    const server = await serve(setOf(first.jwk));
    const day = createClock();
    const { uptimeMs, moveSeconds } = createClock();
    const verify = await createTokenVerifier({ ...authOf({ JWKS_URL: server.url }), now: day.now, uptimeMs });
    await refuses(verify, await tokenOf(second, 'made-up'));
    day.moveSeconds(-1200);
    moveSeconds(5);
    server.answer = setOf(second.jwk);
    await accepts(verify, await tokenOf(second));
  });

  it('fetches after 10 minutes without making the request wait', async () => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    await accepts(verify, await tokenOf(first));
    moveSeconds(599);
    await accepts(verify, await tokenOf(first));
    const held: ServerResponse[] = [];
    server.answer = (_request, response) => void held.push(response);
    moveSeconds(1);
    await accepts(verify, await tokenOf(first));
    await accepts(verify, await tokenOf(first));
    await vi.waitUntil(() => held.length > 0, PATIENCE);
    expect(server.requests).toBe(2);
    held[0]?.end(JSON.stringify({ keys: [second.jwk] }));
    await vi.waitFor(async () => refuses(verify, await tokenOf(first)), PATIENCE);
    await accepts(verify, await tokenOf(second));
  });

  it('forgets remembered tokens when their keys are gone', async () => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    const header = await tokenOf(first);
    await accepts(verify, header);
    server.answer = setOf(second.jwk);
    moveSeconds(30);
    expect(verify(header)).not.toBeInstanceOf(Promise);
    await accepts(verify, await tokenOf(second));
    await refuses(verify, header);
  });

  it('fetches first if the last fetch was 20 minutes ago', async () => {
    const { server, verify, moveSeconds } = await start(setOf(first.jwk));
    await accepts(verify, await tokenOf(first));
    server.answer = setOf(second.jwk);
    moveSeconds(1200);
    await refuses(verify, await tokenOf(first));
    await accepts(verify, await tokenOf(second));
  });
});

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
