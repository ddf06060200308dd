import { mintToken } from '../../src/auth/mint-token.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import { SCOPES, toScopes } from '../../src/contract/scopes.ts';
import { readAuth } from '../../src/start/token-key.ts';
import { defineServiceCommand, EXIT, UsageError } from '../command.ts';

const usage = `usage: signpost token <user> [--owner <owner>] [--scope "${SCOPES.join(' ')}"] [--ttl <seconds>]

Prints a token for a user, signed with the first JWT_SECRET, or in development with the secret in DATA_DIR.
  --owner  the owner of the files if JWT_OWNER_CLAIM is set: a team, a tenant
  --scope  what the token allows: one or more of the scopes above, default "files:read files:write"
  --ttl    the token's lifetime in seconds, default 3600

Exit code: 0 the token is printed, 2 these settings cannot sign tokens, 64 wrong arguments.`;

const options = {
  owner: { type: 'string' },
  scope: { type: 'string', default: 'files:read files:write' },
  ttl: { type: 'string', default: '3600' },
} as const;

export const tokenCommand = defineServiceCommand(
  { usage, allowPositionals: true, options },
  async (config, { positionals, values }) => {
    const userId = toUserId(positionals[0]);
    if (userId === null || positionals.length > 1) throw new UsageError('expected one user id');
    const ttlSeconds = Number(values.ttl);
    if (!/^\d{1,10}$/.test(values.ttl) || ttlSeconds === 0) {
      throw new UsageError('--ttl takes a number of seconds, 1 or more');
    }
    const scopes = values.scope === '' ? [] : toScopes(values.scope);
    if (scopes === null) {
      const unknown = values.scope.split(' ').find((word) => !SCOPES.some((name) => name === word));
      throw new UsageError(`"${unknown}" is not one of the scopes ${SCOPES.join(', ')}`);
    }
    const ownerId = toUserId(values.owner ?? userId);
    if (ownerId === null || (values.owner === undefined) !== (config.auth.ownerClaim === null)) {
      throw new UsageError('--owner takes an owner id, is required with JWT_OWNER_CLAIM, and is not allowed without');
    }
    const now = () => new Date();
    console.log(await mintToken(await readAuth(config), { userId, ownerId, scopes, ttlSeconds, now }));
    return EXIT.holds;
  },
);
