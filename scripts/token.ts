// npm run token -- <user> [--scope "files:read files:write"] [--ttl seconds]
import { parseArgs } from 'node:util';
import { SCOPES } from '../src/auth/caller.ts';
import { mintToken } from '../src/auth/mint-token.ts';
import { toUserId } from '../src/object-key.ts';
import { run } from '../src/run.ts';
import { readTokenKey } from '../src/token-key.ts';

const USAGE = `usage: npm run token -- <user> [--scope "${SCOPES.join(' ')}"] [--ttl <seconds>]`;

await run(async (config) => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { scope: { type: 'string' }, ttl: { type: 'string', default: '3600' } },
  });
  const userId = toUserId(positionals[0]);
  const ttlSeconds = Number(values.ttl);
  const scopes = values.scope?.split(' ') ?? [];
  const known = scopes.every((scope) => SCOPES.some((name) => name === scope));
  if (userId === null || positionals.length > 1 || !(ttlSeconds > 0) || !known) throw new Error(USAGE);

  const key = await readTokenKey(config);
  if (key.kind !== 'secret') throw new Error('tokens are verified with a public key: only your issuer can make them');
  const { secret } = key;
  const now = () => new Date();
  console.log(await mintToken({ ...config.auth, scope: values.scope, secret, userId, ttlSeconds, now }));
});
