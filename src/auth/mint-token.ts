import { SignJWT } from 'jose';
import type { AuthConfig, OfIssuer } from '../config/auth-config.ts';
import type { CallerLimits } from '../config/caller-limits.ts';
import type { UserId } from '../contract/object-key.ts';
import type { Scope } from '../contract/scopes.ts';
import { DEFAULT_SCOPE_CLAIMS, LIMITS_CLAIM } from './claims.ts';

type MintSettings = Pick<
  AuthConfig,
  'keys' | 'issuers' | 'audiences' | 'clientIds' | 'algorithms' | 'userClaim' | 'ownerClaim' | 'scopeClaims'
>;

/**
 * Signs a token for development, scripts and tickets that these settings accept: a JWT with the user, the scopes,
 * `iat`, `exp`, and the issuer, audience and client that the settings require.
 * @param settings the first secret signs, with the first HMAC algorithm in JWT_ALGORITHMS, or HS256.
 * @param options.ownerId the owner of the files, if JWT_OWNER_CLAIM is set. Default: the user's own id.
 * @param options.limits makes it a ticket.
 * @param options.ttlSeconds from `now` to `exp`.
 * @throws {Error} if there is no secret, or JWT_ALGORITHMS has no HMAC algorithm.
 */
export async function mintToken(
  settings: MintSettings,
  options: {
    userId: UserId;
    ownerId?: UserId;
    scopes: readonly Scope[];
    limits?: CallerLimits | undefined;
    ttlSeconds: number;
    now: () => Date;
  },
): Promise<string> {
  const { keys, issuers, audiences, clientIds, algorithms = ['HS256'], userClaim, ownerClaim, scopeClaims } = settings;
  const { userId, ownerId = userId, scopes, limits, ttlSeconds, now } = options;
  const key = keys.find(({ kind }) => kind === 'secret');
  if (key === undefined) throw new Error('tokens are verified with a public key: only your issuer can make them');
  const alg = algorithms.find((name) => /^HS(256|384|512)$/.test(name));
  if (alg === undefined) throw new Error('JWT_ALGORITHMS: a secret signs with HS256, HS384 or HS512');

  const iat = Math.floor(now().getTime() / 1000);
  const issuer = key.issuer ?? issuers[0];
  const firstOf = (values: readonly OfIssuer[]) =>
    values.find((value) => value.issuer === null || value.issuer === issuer)?.value;
  const audience = firstOf(audiences);
  const clientId = firstOf(clientIds);
  const claims = {
    [userClaim]: userId,
    ...(ownerClaim !== null && { [ownerClaim]: ownerId }),
    [(scopeClaims ?? DEFAULT_SCOPE_CLAIMS)[0] ?? 'scope']: scopes.join(' '),
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
    ...(clientId !== undefined && { azp: clientId }),
    ...(limits !== undefined && { [LIMITS_CLAIM]: limits }),
    iat,
    exp: iat + ttlSeconds,
  };
  return new SignJWT(claims).setProtectedHeader({ alg, typ: 'JWT' }).sign(new TextEncoder().encode(key.value));
}
