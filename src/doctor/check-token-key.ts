import * as z from 'zod';
import { fetchKeySet } from '../auth/remote-key-set.ts';
import { createTokenVerifier } from '../auth/verify-token.ts';
import { isOpenToOtherClients, KEY_SETTINGS } from '../config/auth-config.ts';
import type { Config } from '../config/config.ts';
import { reasonOf } from '../net/reason-of.ts';
import { readAuth } from '../start/read-auth.ts';
import { type Check, fail, ok, unreachable, warn } from './check.ts';

/** Checks that the keys that verify tokens are usable. A JWK Set is fetched as the service fetches it. */
export async function* checkTokenKey(config: Pick<Config, 'auth' | 'local'>, now: () => Date): AsyncIterable<Check> {
  const name = 'tokens: key';
  const auth = await readAuth(config);
  try {
    await createTokenVerifier({ ...auth, now });
  } catch (error) {
    yield fail(name, reasonOf(error), 'the setting named in the message');
    return;
  }
  for (const kind of ['secret', 'public'] as const) {
    const count = auth.keys.filter((key) => key.kind === kind).length;
    if (count > 0)
      yield ok(
        name,
        config.auth.keys.length === 0 ? 'a secret created once in DATA_DIR' : `${count} in ${KEY_SETTINGS[kind]}`,
      );
  }
  for (const { value } of auth.keys.filter(({ kind }) => kind === 'jwks')) yield await checkKeySet(value);
  if (isOpenToOtherClients(auth)) {
    const detail = 'every token of the issuer is accepted, including those made for other services';
    yield warn('tokens: audience', detail, 'JWT_AUDIENCE, or JWT_CLIENT_IDS where its tokens have no aud');
  }
}

async function checkKeySet(url: string): Promise<Check> {
  const name = 'tokens: key';
  try {
    const { keys } = z.object({ keys: z.array(z.object({ kty: z.string() })) }).parse(await fetchKeySet(url));
    if (keys.length > 0) return ok(name, `${keys.length} at JWKS_URL, ${new URL(url).host}`);
    return fail(name, 'the set at JWKS_URL is empty', 'JWKS_URL, or the issuer');
  } catch (error) {
    const isShape = error instanceof z.ZodError || error instanceof SyntaxError;
    if (isShape) return fail(name, 'the answer of JWKS_URL is not a JWK Set', 'JWKS_URL, or the issuer');
    return unreachable(name, reasonOf(error), 'JWKS_URL, or the issuer');
  }
}
