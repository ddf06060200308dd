import type { Config } from './config.ts';
import { readDevSecrets } from './local/dev-secrets.ts';

/** The key that verifies tokens: the configured one, or in development a secret made once and kept in `DATA_DIR`. */
export async function readTokenKey(config: Config): Promise<NonNullable<Config['auth']['key']>> {
  return config.auth.key ?? { kind: 'secret', secret: (await readDevSecrets(config.dataDir)).jwtSecret };
}
