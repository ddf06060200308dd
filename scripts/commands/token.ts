import { limitsSchema } from '../../src/auth/limits-schema.ts';
import { mintToken } from '../../src/auth/mint-token.ts';
import type { CallerLimits } from '../../src/config/caller-limits.ts';
import { jsonText } from '../../src/contract/json-text.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import { SCOPES, toScopes } from '../../src/contract/scopes.ts';
import { readAuth } from '../../src/start/read-auth.ts';
import { defineServiceCommand, EXIT, UsageError } from '../command.ts';

const usage = `usage: signpost token <user> [--owner <owner>] [--scope "${SCOPES.join(' ')}"]
         [--ttl <seconds>] [--ticket <limits>]

Prints a token for a user, signed with the first JWT_SECRET, or in development with the secret in DATA_DIR.
  --owner  the owner of the files if JWT_OWNER_CLAIM is set: a team, a tenant
  --scope  what the token allows: one or more of the scopes above, default "files:read files:write", of a ticket
           "files:write"
  --ttl    the token's lifetime in seconds, default 3600
  --ticket limits of its own, as JSON: '{"maxBytes":1000000,"recordId":"case-42","maxFiles":3}' (docs/tickets.md)

Exit code: 0 the token is printed, 2 these settings cannot sign tokens, 64 wrong arguments.`;

const options = {
  owner: { type: 'string' },
  scope: { type: 'string' },
  ttl: { type: 'string', default: '3600' },
  ticket: { type: 'string' },
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
    const limits = values.ticket === undefined ? undefined : readLimits(values.ticket);
    const { scope = limits === undefined ? 'files:read files:write' : 'files:write' } = values;
    const scopes = toScopes(scope);
    if (scopes === null) {
      const unknown = scope.split(' ').find((word) => !SCOPES.some((name) => name === word));
      throw new UsageError(`"${unknown}" is not one of the scopes ${SCOPES.join(', ')}`);
    }
    const ownerId = toUserId(values.owner ?? userId);
    if (ownerId === null || (values.owner === undefined) !== (config.auth.ownerClaim === null)) {
      throw new UsageError('--owner takes an owner id, is required with JWT_OWNER_CLAIM, and is not allowed without');
    }
    const now = () => new Date();
    console.log(await mintToken(await readAuth(config), { userId, ownerId, scopes, limits, ttlSeconds, now }));
    return EXIT.holds;
  },
);

function readLimits(text: string): CallerLimits {
  const json = jsonText.safeParse(text);
  const limits = limitsSchema.safeParse(json.data);
  if (limits.success) return limits.data;
  const wrong = limits.error.issues.map(({ path, message }) => [...path, message].join(' '));
  throw new UsageError(`--ticket takes limits as JSON: ${json.success ? wrong.join('; ') : 'this is not JSON'}`);
}
