import { toIdentity } from '../auth/authorize.ts';
import { mintToken } from '../auth/mint-token.ts';
import type { Config } from '../config/config.ts';
import type { TicketRequest } from './library-calls.ts';
import { readAuth } from './read-auth.ts';

/**
 * Makes a ticket: a token for an owner's files with limits of its own, signed with the first `JWT_SECRET`.
 * @param request.scopes default: `files:write`, so that a guest uploads and sees nothing.
 * @throws {TypeError} for a request that is not valid.
 * @throws {Error} if there is no `JWT_SECRET`, or the app's `authorize` decides in place of tokens.
 */
export async function makeTicket(
  services: { config: Pick<Config, 'auth' | 'local'>; verifyToken: unknown; now: () => Date },
  request: TicketRequest,
): Promise<string> {
  const { config, verifyToken, now } = services;
  if (verifyToken === undefined) throw new Error('with authorize no token is read: let authorize answer the limits');
  const { ttlSeconds, ...authorization } = request;
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1) {
    throw new TypeError('ttlSeconds must be a whole number of seconds, 1 or more');
  }
  const withScopes = { scopes: ['files:write'] as const, ...authorization };
  const { userId, actorId, scopes, limits } = toIdentity(
    withScopes,
    (wrong) => new TypeError(`the ticket is for ${wrong}`),
  );
  const auth = await readAuth(config);
  if (auth.ownerClaim === null && userId !== actorId) throw new TypeError('an ownerId needs JWT_OWNER_CLAIM');
  return mintToken(auth, { userId: actorId, ownerId: userId, scopes: [...scopes], limits, ttlSeconds, now });
}
