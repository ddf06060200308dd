import { errors } from 'jose';
import { Problem } from '../contract/errors.ts';

/**
 * Why a token was refused, for the operator's log: `why` in words, jose's code, the claim's name. Never contains a
 * value or a name from the token.
 */
export type TokenRefusal = { why: string; code?: string; claim?: string };

const WHY: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'its alg is not allowed: no key fits it, or JWT_ALGORITHMS does not list it',
  ERR_JWKS_NO_MATCHING_KEY: 'no key at JWKS_URL has its kid and fits its alg',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'several keys at JWKS_URL fit, and it has no kid to select one',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'it is signed with another key, or was changed',
  ERR_JWS_INVALID: 'it is not a signed JWT',
  ERR_JWT_INVALID: 'it is not a JWT',
  ERR_JWT_EXPIRED: 'it has expired',
};

/** Turns an error into a refusal. It keeps only names: jose's errors contain claims, and parsers quote their input. */
export function tokenRefused(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = error instanceof errors.JOSEError ? error.code : undefined;
  const claim =
    error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired ? error.claim : undefined;
  const isMissing = error instanceof errors.JWTClaimValidationFailed && error.reason === 'missing';
  const whyOfClaim = isMissing ? `it has no ${claim}` : `its ${claim} is not accepted`;
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

/** Refuses a claim by one of our own rules, in the form of jose's refusals. */
export function claimRefused(claim: string, why: string): Problem {
  const code = errors.JWTClaimValidationFailed.code;
  return unauthenticated("the token's signature or claims do not verify", { why, code, claim });
}

/** Refuses a token whose key was found, but is malformed or too short: those are no errors of jose's own. */
export function keyRefused(): Problem {
  const why = 'the key at JWKS_URL that fits it cannot be used';
  return unauthenticated("the token's signature or claims do not verify", { why });
}

/** Why a token was refused, for the log; null for a problem with another cause. */
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
