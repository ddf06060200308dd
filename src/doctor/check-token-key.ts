import { z } from 'zod';
import { fetchKeySet } from '../auth/remote-key-set.ts';
import { createTokenVerifier } from '../auth/verify-token.ts';
import type { Config } from '../config.ts';
import { readTokenKey } from '../token-key.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { reasonOf } from './reason-of.ts';

/** Whether the key that verifies tokens can be used; a JWK Set is fetched as the service fetches it. */
export async function* checkTokenKey(config: Config, now: () => Date): AsyncIterable<Check> {
  const name = 'tokens: key';
  try {
    const key = await readTokenKey(config);
    await createTokenVerifier({ ...config.auth, key, now });
    if (key.kind !== 'jwks') {
      const kinds = { secret: 'a shared secret', public: 'a public key' };
      yield ok(name, config.auth.key === null ? 'a secret made once, in DATA_DIR' : kinds[key.kind]);
      return;
    }
    const { keys } = z.object({ keys: z.array(z.object({ kty: z.string() })) }).parse(await fetchKeySet(key.url));
    yield keys.length > 0
      ? ok(name, `${keys.length} at JWKS_URL`)
      : fail(name, 'the set at JWKS_URL is empty', 'JWKS_URL, or the issuer');
    if (config.auth.audience === undefined) {
      yield warn(
        'tokens: audience',
        'every token of this issuer is accepted, whatever it was made for',
        'JWT_AUDIENCE',
      );
    }
  } catch (error) {
    const isShape = error instanceof z.ZodError || error instanceof SyntaxError;
    const setting = config.auth.key?.kind === 'jwks' ? 'JWKS_URL, or the issuer' : 'JWT_SECRET or JWT_PUBLIC_KEY';
    yield fail(name, isShape ? 'what JWKS_URL answers is no JWK Set' : reasonOf(error), setting);
  }
}
