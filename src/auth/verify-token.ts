import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { AuthConfig } from '../config/auth-config.ts';
import { Problem } from '../contract/errors.ts';
import { RECEIPT_TYPE } from '../contract/receipt-type.ts';
import type { Identity } from './caller.ts';
import { CLIENT_CLAIMS, readIdentity } from './claims.ts';
import type { OnRefreshFailed } from './remote-key-set.ts';
import { createTokenMemory } from './token-memory.ts';
import { claimRefused, keyRefused, tokenRefused, unauthenticated } from './token-refusal.ts';
import { openIssuers, type TrustedIssuer } from './trusted-issuers.ts';

type AuthOptions = Omit<AuthConfig, 'cookie'>;

type VerifierOptions = AuthOptions & {
  now: () => Date;
  /** A monotonic clock in milliseconds. Default: the process's. */
  uptimeMs?: (() => number) | undefined;
  onRefreshFailed?: OnRefreshFailed | undefined;
};

/**
 * Takes the `Authorization` header. For a remembered token it returns synchronously. Throws or rejects with a
 * `Problem`.
 */
export type TokenVerifier = (authorizationHeader: string | undefined) => Identity | Promise<Identity>;

const MAX_TOKEN_BYTES = 8192;
/** RFC 6750, section 2.1, with the scheme in any case (RFC 9110, section 11.1). All ASCII: a character is a byte. */
const BEARER_PATTERN = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * Creates the function that turns an `Authorization` header into an identity. It accepts a JWT (RFC 7519) signed with a
 * key of its issuer, with valid `exp` and `nbf` (both optional), `iss`, `aud` and client as configured, and valid ids
 * in its user and owner claims. See `claims.ts` for the scopes. A verified token is remembered for up to 60 s.
 *
 * The verifier throws `unauthenticated` (with `WWW-Authenticate`, RFC 6750, section 3; the reason is a `TokenRefusal`
 * in `cause`) for any other token, and `keys-unavailable` while a key cannot be looked up. `onRefreshFailed` is called
 * for each failed fetch of a JWK Set.
 * @throws {Error} at start, naming JWT_PUBLIC_KEY or JWT_ALGORITHMS, if a key or an algorithm cannot be used.
 */
export async function createTokenVerifier(options: VerifierOptions): Promise<TokenVerifier> {
  const { now, uptimeMs = () => performance.now(), onRefreshFailed } = options;
  const memory = createTokenMemory();
  const issuers = await openIssuers(options, { uptimeMs, onKeysReplaced: memory.forgetAll, onRefreshFailed });

  function issuerOf(token: string): TrustedIssuer {
    if (issuers.only !== null) return issuers.only;
    const issuer = issuers.byName.get(decodeJwt(token).iss ?? '');
    if (issuer === undefined) throw claimRefused('iss', 'its iss is not in JWT_ISSUER');
    return issuer;
  }

  async function verify(token: string, at: Date): Promise<Identity> {
    try {
      const issuer = issuerOf(token);
      const payload = await verifyWith(issuer, token, at);
      requireClient(payload, issuer.clientIds);
      const identity = readIdentity(payload, options);
      memory.remember(token, identity, payload.exp, at);
      return identity;
    } catch (error) {
      throw tokenRefused(error);
    }
  }

  return (authorizationHeader) => {
    const token = bearerToken(authorizationHeader);
    const at = now();
    return memory.recall(token, at) ?? verify(token, at);
  };
}

/** The claims of a token, verified with one of the issuer's keys: usually there is one for its algorithm. */
async function verifyWith({ sources, constraints }: TrustedIssuer, token: string, at: Date): Promise<JWTPayload> {
  const alg = sources.length > 1 ? decodeProtectedHeader(token).alg : undefined;
  let failure: unknown;
  for (const { algorithms, getKey } of sources) {
    if (alg !== undefined && !algorithms.includes(alg)) continue;
    try {
      const options = { ...constraints, algorithms, currentDate: at };
      const { payload, protectedHeader } = await jwtVerify(token, getKey, options);
      if (protectedHeader.typ === RECEIPT_TYPE) throw claimRefused('typ', 'it is a receipt of an upload, not a token');
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError || error instanceof Problem)) throw keyRefused();
      if (!mayFitAnotherKey(error)) throw error;
      failure = error;
    }
  }
  throw failure ?? new errors.JOSEAlgNotAllowed();
}

function mayFitAnotherKey(error: unknown): boolean {
  return (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof Problem
  );
}

/** At least one claim must name a client, and each that does must name one of these. */
function requireClient(payload: JWTPayload, clientIds: readonly string[]): void {
  if (clientIds.length === 0) return;
  const named = CLIENT_CLAIMS.filter((claim) => payload[claim] !== undefined);
  if (named.length === 0) throw claimRefused('azp', `it names no client (${CLIENT_CLAIMS.join(', ')})`);
  const other = named.find((claim) => !clientIds.some((id) => id === payload[claim]));
  if (other !== undefined) throw claimRefused(other, `its ${other} is not in JWT_CLIENT_IDS`);
}

function bearerToken(authorizationHeader: string | undefined): string {
  if (!authorizationHeader) throw unauthenticated('there is no Authorization header');
  const token = BEARER_PATTERN.exec(authorizationHeader)?.[1];
  if (token === undefined) {
    const why = 'the Authorization header holds no token, or more than one';
    throw unauthenticated('the Authorization header must be Bearer and one token', { why });
  }
  if (token.length > MAX_TOKEN_BYTES) throw unauthenticated(`the token has over ${MAX_TOKEN_BYTES} bytes`);
  return token;
}
