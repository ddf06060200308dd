import { SignJWT } from 'jose';
import type { UserId } from '../object-key.ts';

/**
 * Signs a token of our own, for development and scripts: a JWT with the user, `iat` and `exp`.
 * @param options.secret as in JWT_SECRET.
 * @param options.scope space-separated. Default: no such claim, which allows reading and writing.
 * @param options.ttlSeconds from `now` to `exp`.
 * @param options.algorithms as in JWT_ALGORITHMS: the first one signs. Default HS256.
 * @param options.userClaim the claim the user id goes into, as in JWT_USER_CLAIM.
 */
export async function mintToken(options: {
  secret: string;
  userId: UserId;
  scope?: string | undefined;
  ttlSeconds: number;
  issuer?: string | undefined;
  audience?: string | undefined;
  algorithms?: readonly string[] | undefined;
  userClaim: string;
  now: () => Date;
}): Promise<string> {
  const { secret, userId, scope, ttlSeconds, issuer, audience, algorithms, userClaim, now } = options;
  const iat = Math.floor(now().getTime() / 1000);
  return new SignJWT({
    [userClaim]: userId,
    iat,
    exp: iat + ttlSeconds,
    ...(scope !== undefined && { scope }),
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
  })
    .setProtectedHeader({ alg: algorithms?.[0] ?? 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(secret));
}
