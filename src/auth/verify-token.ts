import { errors, type JWTPayload, jwtVerify } from 'jose';
import { Problem } from '../errors.ts';
import { toUserId } from '../object-key.ts';
import { type Identity, SCOPES, type Scope } from './caller.ts';
import { createTokenMemory } from './token-memory.ts';
import { openVerificationKey, type VerificationKey } from './verification-key.ts';

export type AuthOptions = {
  key: VerificationKey;
  /** The exact `iss` tokens must carry. Default: not checked. */
  issuer?: string | undefined;
  /** The exact `aud` tokens must carry, alone or in a list. Default: not checked. */
  audience?: string | undefined;
  /** Narrows the algorithms that fit the key. Default: all of them. */
  algorithms?: readonly string[] | undefined;
  /** The top-level claim that is the user id: `sub`, `https://example.com/user_id`. */
  userClaim: string;
};

/** Takes the `Authorization` header; answers at once for a token it remembers. Throws or rejects with a `Problem`. */
export type TokenVerifier = (authorizationHeader: string | undefined) => Identity | Promise<Identity>;

const CLOCK_TOLERANCE_SECONDS = 5;
const MAX_TOKEN_BYTES = 8192;
/** RFC 6750, section 2.1, with the scheme in any case (RFC 9110, section 11.1). All ASCII: a character is a byte. */
const BEARER_PATTERN = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * Makes what turns an `Authorization` header into a caller: a JWT (RFC 7519) signed with the configured key, its
 * `exp` and `nbf` (both optional, 5 s of tolerance), `iss` and `aud` as configured, its user claim a user id. Scopes
 * come from `scope` and `scp`; a token without either may read and write. A token that verified is remembered for up
 * to 60 s.
 *
 * The verifier throws `unauthenticated` (with `WWW-Authenticate`, RFC 6750, section 3) for everything that does not
 * verify, and `keys-unavailable` while a JWK Set could never be fetched. `onRefreshFailed` hears of each fetch that failed.
 * @throws {Error} at start, naming JWT_PUBLIC_KEY or JWT_ALGORITHMS, when the key or an algorithm cannot be used.
 */
export async function createTokenVerifier(
  options: AuthOptions & { now: () => Date; onRefreshFailed?: (error: unknown) => void },
): Promise<TokenVerifier> {
  const { key, issuer, audience, userClaim, now, onRefreshFailed } = options;
  const memory = createTokenMemory();
  const source = await openVerificationKey(key, { now, onKeysReplaced: memory.forgetAll, onRefreshFailed });
  const constraints = {
    algorithms: narrowAlgorithms(source.algorithms, options.algorithms),
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };

  async function verify(token: string, at: Date): Promise<Identity> {
    const { payload } = await jwtVerify(token, source.getKey, { ...constraints, currentDate: at }).catch((error) => {
      throw refusal(error);
    });
    const userId = toUserId(payload[userClaim]);
    if (userId === null) throw unauthenticated('the token names no user id');
    const caller = { userId, actorId: userId, isOnBehalf: false, scopes: scopesOf(payload) };
    memory.remember(token, caller, payload.exp, at);
    return caller;
  }

  return (authorizationHeader) => {
    const token = bearerToken(authorizationHeader);
    const at = now();
    return memory.recall(token, at) ?? verify(token, at);
  };
}

function narrowAlgorithms(possible: string[], wanted: readonly string[] | undefined): string[] {
  if (wanted === undefined) return possible;
  if (wanted.length === 0 || wanted.some((algorithm) => !possible.includes(algorithm))) {
    throw new Error(`JWT_ALGORITHMS: this key can have ${possible.join(', ')}`);
  }
  return [...wanted];
}

function bearerToken(authorizationHeader: string | undefined): string {
  if (!authorizationHeader) throw unauthenticated('there is no Authorization header');
  const token = BEARER_PATTERN.exec(authorizationHeader)?.[1];
  if (token === undefined) throw unauthenticated('the Authorization header must be Bearer and one token');
  if (token.length > MAX_TOKEN_BYTES) throw unauthenticated(`the token has over ${MAX_TOKEN_BYTES} bytes`);
  return token;
}

/** RFC 8693, section 4.2 (`scope`); `scp` is what Entra ID and Okta send. */
function scopesOf({ scope, scp }: JWTPayload): ReadonlySet<Scope> {
  if (scope === undefined && scp === undefined) return new Set(['files:read', 'files:write']);
  const named = [scope, scp].flat().flatMap((claim) => (typeof claim === 'string' ? claim.split(' ') : []));
  return new Set(SCOPES.filter((known) => named.includes(known) || named.includes('files:admin')));
}

/** Says why in general terms. jose's errors hold the claims and parsers quote their input: only a code goes along. */
function refusal(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof errors.JWTExpired) return unauthenticated('the token has expired', error.code);
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf' && error.reason === 'check_failed') {
    return unauthenticated('the token is not valid yet', error.code);
  }
  const code = error instanceof errors.JOSEError ? error.code : undefined;
  return unauthenticated("the token's signature or claims do not verify", code);
}

/** The 401 (with the challenge of RFC 6750, section 3); `code` is only logged. */
export function unauthenticated(detail: string, code?: string): Problem {
  return new Problem('unauthenticated', detail, {
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    cause: code,
  });
}
