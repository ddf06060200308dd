import { mintToken } from './auth/mint-token.ts';
import type { Config } from './config.ts';
import type { UserId } from './object-key.ts';
import { readTokenKey } from './token-key.ts';

export const DEMO_USER = 'demo' as UserId;
const DEMO_TOKEN_SECONDS = 24 * 3600;

/** A token for the user `demo`, good for a day; null where the key is not the service's own. */
export async function mintDemoToken(config: Config, now: () => Date): Promise<string | null> {
  // A key that somebody set may be in use elsewhere: no token of it is shown unasked.
  if (config.production || config.auth.key !== null) return null;
  const key = await readTokenKey(config);
  if (key.kind !== 'secret') return null;
  return mintToken({ ...config.auth, secret: key.secret, userId: DEMO_USER, ttlSeconds: DEMO_TOKEN_SECONDS, now });
}
