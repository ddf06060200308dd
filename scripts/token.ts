// npm run token -- <user> [--scope "files:read files:write"] [--ttl seconds]
import { SCOPES } from '../src/auth/caller.ts';
import { mintToken } from '../src/auth/mint-token.ts';
import { toUserId } from '../src/object-key.ts';
import { EXIT, runCommand, UsageError } from '../src/run.ts';
import { readTokenKey } from '../src/token-key.ts';

const usage = `usage: npm run token -- <user> [--scope "${SCOPES.join(' ')}"] [--ttl <seconds>]

Prints a token for a user, made with JWT_SECRET, or in development with the secret in DATA_DIR.
  --scope  what it may do, some of those; without it, whatever a token without scopes may
  --ttl    how long it is good for, in seconds, 3600 by default

Exit code: 0 it is printed, 2 it cannot be made with these settings, 64 wrong arguments.`;

await runCommand(
  { usage, allowPositionals: true, options: { scope: { type: 'string' }, ttl: { type: 'string', default: '3600' } } },
  async (config, { positionals, values }) => {
    const userId = toUserId(positionals[0]);
    if (userId === null || positionals.length > 1) throw new UsageError('it takes one user id');
    const ttlSeconds = Number(values.ttl);
    if (!/^\d{1,10}$/.test(values.ttl) || ttlSeconds === 0)
      throw new UsageError('--ttl takes a number of seconds, 1 or more');
    const unknown = values.scope?.split(' ').find((scope) => !SCOPES.some((name) => name === scope));
    if (unknown !== undefined) throw new UsageError(`"${unknown}" is not one of the scopes ${SCOPES.join(', ')}`);

    const key = await readTokenKey(config);
    if (key.kind !== 'secret') throw new Error('tokens are verified with a public key: only your issuer can make them');
    const { secret } = key;
    const now = () => new Date();
    console.log(await mintToken({ ...config.auth, scope: values.scope, secret, userId, ttlSeconds, now }));
    return EXIT.holds;
  },
);
