// npm run token -- <user> [--scope "files:read files:write"] [--ttl seconds]
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { mintToken } from '../src/auth/mint-token.ts';
import { parseConfig } from '../src/config.ts';
import { toUserId } from '../src/object-key.ts';
import { readSigningSecret } from '../src/print-welcome.ts';

const USAGE = 'usage: npm run token -- <user> [--scope "files:read files:write files:admin"] [--ttl <seconds>]';

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { scope: { type: 'string' }, ttl: { type: 'string', default: '3600' } },
  });
  const userId = toUserId(positionals[0]);
  const ttlSeconds = Number(values.ttl);
  if (userId === null || positionals.length > 1 || !(ttlSeconds > 0)) throw new Error(USAGE);

  const config = parseConfig(process.env);
  const secret = await readSigningSecret(config);
  if (secret === null) throw new Error('tokens are verified with a public key: only your issuer can make them');
  const now = () => new Date();
  const scope = values.scope === undefined ? {} : { scope: values.scope };
  console.log(await mintToken({ ...config.auth, ...scope, secret, userId, ttlSeconds, now }));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
