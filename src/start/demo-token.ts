import { mintToken } from '../auth/mint-token.ts';
import type { Config } from '../config/config.ts';
import type { UserId } from '../contract/object-key.ts';
import { readAuth } from './read-auth.ts';

export const DEMO_USER = 'demo' as UserId;
const DEMO_TOKEN_SECONDS = 24 * 3600;

/** A token for the user `demo`, valid for a day; null if the key was configured. */
export async function mintDemoToken(
  config: Pick<Config, 'auth' | 'local' | 'server'>,
  now: () => Date,
): Promise<string | null> {
  // A configured key may be in use elsewhere, so its tokens are not shown unasked.
  if (config.server.production || config.auth.keys.length > 0) return null;
  const scopes = ['files:read', 'files:write'] as const;
  return mintToken(await readAuth(config), { userId: DEMO_USER, scopes, ttlSeconds: DEMO_TOKEN_SECONDS, now });
}
