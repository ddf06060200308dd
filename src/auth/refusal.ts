import { errors } from 'jose';
import { Problem } from '../contract/errors.ts';

/**
 * Why a token was refused, for the operator's log: `why` in words, jose's code, the claim's name. Never contains a
 * value or a name from the token.
 */
export type TokenRefusal = { why: string; code?: string; claim?: string };

const WHY: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'its alg is not allowed: it fits none of the keys, or JWT_ALGORITHMS leaves it out',
  ERR_JWKS_NO_MATCHING_KEY: 'no key at JWKS_URL has its kid and fits its alg',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'several keys at JWKS_URL fit: it has no kid that tells them apart',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'it is signed with another key, or was changed',
  ERR_JWS_INVALID: 'it is not a signed JWT',
  ERR_JWT_INVALID: 'it is not a JWT',
  ERR_JWT_EXPIRED: 'it has expired',
};

/** Says why in general terms. jose's errors hold the claims and parsers quote their input: only names go along. */
export function refusalOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = error instanceof errors.JOSEError ? error.code : undefined;
  const claim =
    error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired ? error.claim : undefined;
  const isMissing = error instanceof errors.JWTClaimValidationFailed && error.reason === 'missing';
  const whyOfClaim = isMissing ? `it has no ${claim}` : `its ${claim} is not one that counts here`;
  const refusal = {
    why: WHY[code ?? ''] ?? (claim === undefined ? 'it is not a readable JWT' : whyOfClaim),
    ...(code !== undefined && { code }),
    ...(claim !== undefined && { claim }),
  };
  if (error instanceof errors.JWTExpired) return unauthenticated('the token has expired', refusal);
  if (error instanceof errors.JWTClaimValidationFailed && claim === 'nbf' && error.reason === 'check_failed') {
    return unauthenticated('the token is not valid yet', { ...refusal, why: 'it is not valid yet' });
  }
  return unauthenticated("the token's signature or claims do not verify", refusal);
}

/** The refusal of a claim by a rule of ours, spelled as jose spells its own. */
export function claimRefused(claim: string, why: string): Problem {
  const code = errors.JWTClaimValidationFailed.code;
  return unauthenticated("the token's signature or claims do not verify", { why, code, claim });
}

/** Why a problem is an answer to a token, for the log; null for every other problem. */
export function tokenRefusalOf({ code, message, cause }: Problem): TokenRefusal | null {
  if (isRefusal(cause)) return cause;
  if (code !== 'keys-unavailable') return null;
  const isUnknown = cause instanceof errors.JWKSNoMatchingKey;
  return { why: isUnknown ? 'no key at JWKS_URL has its kid yet' : message, ...(isUnknown && { code: cause.code }) };
}

function isRefusal(cause: unknown): cause is TokenRefusal {
  return typeof cause === 'object' && cause !== null && 'why' in cause;
}

/** The 401 (with the challenge of RFC 6750, section 3); `refusal` is only logged. */
export function unauthenticated(detail: string, refusal: Partial<TokenRefusal> = {}): Problem {
  const cause: TokenRefusal = { why: detail, ...refusal };
  return new Problem('unauthenticated', detail, {
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    cause,
  });
}
