import type { JWK } from 'jose';
import { expect } from 'vitest';
import { createTokenVerifier, type TokenVerifier } from '../../src/auth/verify-token.ts';
import { authOf, bearer, createClock, createKeyPair, json, problemOf, type SigningPair, serve } from './tokens.ts';

export const first = await createKeyPair('ES256', 'first');
export const second = await createKeyPair('ES256', 'second');
export const setOf = (...jwks: JWK[]) => json({ keys: jwks });

/** For what happens in the background. */
export const PATIENCE = { timeout: 60_000 };

let tokenNumber = 0;
/** A new token each time, so that it is not a remembered one. */
export function tokenOf(pair: SigningPair, kid = pair.jwk.kid): Promise<string> {
  tokenNumber += 1;
  const header = kid === undefined ? { alg: 'ES256' } : { alg: 'ES256', kid };
  return bearer({ sub: 'alice', jti: String(tokenNumber) }, pair.privateKey, header);
}

export async function start(answer: Parameters<typeof serve>[0], algorithms?: string[]) {
  const server = await serve(answer);
  const clock = createClock();
  const verify = await createTokenVerifier({
    ...authOf({ JWKS_URL: server.url, ...(algorithms && { JWT_ALGORITHMS: algorithms.join(',') }) }),
    now: clock.now,
    uptimeMs: clock.uptimeMs,
  });
  return { server, verify, moveSeconds: clock.moveSeconds };
}

export async function accepts(verify: TokenVerifier, header: string): Promise<void> {
  expect(await verify(header)).toMatchObject({ userId: 'alice' });
}

export async function refuses(verify: TokenVerifier, header: string, code = 'unauthenticated'): Promise<void> {
  expect((await problemOf(() => verify(header))).code).toBe(code);
}
