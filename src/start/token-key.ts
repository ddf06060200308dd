import type { AuthConfig } from '../config/auth-config.ts';
import type { Config } from '../config/config.ts';
import { readDevSecrets } from '../local/dev-secrets.ts';

/** How tokens are verified: by the configured keys, or in development by a secret created once in `DATA_DIR`. */
export async function readAuth({ auth, dataDir }: Pick<Config, 'auth' | 'dataDir'>): Promise<AuthConfig> {
  if (auth.keys.length > 0) return auth;
  return { ...auth, keys: [{ kind: 'secret', value: (await readDevSecrets(dataDir)).jwtSecret, issuer: null }] };
}
