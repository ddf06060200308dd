import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { authOf, createClock } from './tokens.ts';

export const clock = createClock();

export type Env = Record<string, string>;

/** A verifier under these settings. */
export function verifierWith(env: Env = {}, now = clock.now) {
  return createTokenVerifier({ ...authOf(env), now });
}
