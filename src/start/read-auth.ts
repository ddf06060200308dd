import type { AuthConfig } from '../config/auth-config.ts';
import type { Config } from '../config/config.ts';
import { readDevSecrets } from '../local/dev-secrets.ts';

/** How tokens are verified: by the configured keys, or in development by a secret created once in `DATA_DIR`. */
export async function readAuth({ auth, local }: Pick<Config, 'auth' | 'local'>): Promise<AuthConfig> {
  if (auth.keys.length > 0) return auth;
  return { ...auth, keys: [{ kind: 'secret', value: (await readDevSecrets(local.dataDir)).jwtSecret, issuer: null }] };
}
