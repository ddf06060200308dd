import type { Identity } from '../auth/caller.ts';
import { CLIENT_CLAIMS, claimAt, DEFAULT_SCOPE_CLAIMS } from '../auth/claims.ts';
import { type Claims, readUnverified } from '../auth/read-unverified.ts';
import { tokenRefusalOf } from '../auth/token-refusal.ts';
import { createTokenVerifier } from '../auth/verify-token.ts';
import type { AuthConfig } from '../config/auth-config.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import { readAuth } from '../start/read-auth.ts';
import { type Check, fail, ok, unreachable, warn } from './check.ts';

const MAX_SHOWN = 200;

/** The fix for a refusal, by jose's error code. */
const BY_CODE: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED:
    'JWT_ALGORITHMS, or a key for its alg: JWT_SECRET for HS…, JWT_PUBLIC_KEY or JWKS_URL for others',
  ERR_JWKS_NO_MATCHING_KEY: 'JWKS_URL: is it the set of this issuer?',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'the issuer, which has to name its key (kid)',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL: is it the key of this issuer?',
};

/**
 * `npm run doctor -- --token`: explains which checks a token passes or fails, and which user it identifies. Shows the
 * values of the checked claims, which the token's holder can read anyway, and never the token.
 */
export async function* explainToken(
  config: Pick<Config, 'auth' | 'local'>,
  text: string,
  now: () => Date,
): AsyncIterable<Check> {
  const auth = await readAuth(config);
  const token = text.trim().replace(/^Bearer +/i, '');
  const read = readUnverified(token);
  if (read === null) {
    yield fail('token: form', 'not a JWT: three base64url parts, separated by dots', 'copy the whole token');
    return;
  }
  const { header, payload } = read;
  yield ok('token: header', `alg ${shown(header.alg)}, kid ${shown(header.kid)}, ${token.length} bytes`);
  yield ok('token: claims', Object.keys(payload).map(shown).join(', '));
  try {
    const verify = await createTokenVerifier({ ...auth, now });
    const identity = await verify(`Bearer ${token}`);
    yield ok('token: verifies', `by signature, ${['exp', 'nbf', ...checkedClaims(auth)].join(', ')}`);
    yield* describeIdentity(identity, payload, auth);
  } catch (error) {
    yield refused(error, payload, auth);
  }
}

function* describeIdentity(identity: Identity, payload: Claims, auth: AuthConfig): Iterable<Check> {
  yield ok('token: user', `${shown(identity.actorId)}, by ${auth.userClaim}`);
  if (auth.ownerClaim !== null)
    yield ok('token: owner of the files', `${shown(identity.userId)}, by ${auth.ownerClaim}`);
  const claims = auth.scopeClaims ?? DEFAULT_SCOPE_CLAIMS;
  const there = claims.filter((name) => claimAt(payload, name) !== undefined);
  const source = there.length > 0 ? `by ${there.join(', ')}` : `it has no ${claims.join(', ')}`;
  if (identity.scopes.size > 0) yield ok('token: scopes', `${[...identity.scopes].join(' ')}, ${source}`);
  else {
    const words = shown(there.map((name) => claimAt(payload, name)));
    yield warn('token: scopes', `none, so every request is refused: ${source} ${words}`, 'JWT_SCOPES, JWT_SCOPE_CLAIM');
  }
  if (payload.exp === undefined)
    yield warn('token: end', 'it has no exp: it stays valid as long as its key', 'the issuer');
}

function refused(error: unknown, payload: Claims, auth: AuthConfig): Check {
  const name = 'token: verifies';
  if (!(error instanceof Problem)) return fail(name, error instanceof Error ? error.message : String(error));
  const refusal = tokenRefusalOf(error);
  const { why = error.message, code = '', claim } = refusal ?? {};
  const reason = [code, claim].filter(Boolean).join(' ');
  const value = claim === undefined ? undefined : claimAt(payload, claim);
  const given = value === undefined ? '' : `; its ${claim} is ${shown(value)}`;
  const detail = `${why}${given}${reason === '' ? '' : ` (${reason})`}`;
  const remedy = claim === undefined ? BY_CODE[code] : remedyOf(claim, auth);
  return error.code === 'keys-unavailable' ? unreachable(name, detail, 'JWKS_URL') : fail(name, detail, remedy);
}

/** The setting that a claim is checked against, with its value. */
function remedyOf(claim: string, auth: AuthConfig): string {
  const values = (all: readonly { value: string }[]) => shown(all.map(({ value }) => value));
  if (claim === auth.userClaim)
    return 'JWT_USER_CLAIM, or the issuer: text of at most 255 bytes, or (not in sub) a number';
  if (claim === auth.ownerClaim) return 'JWT_OWNER_CLAIM, or the issuer: every token must name an owner';
  if (claim === 'iss') return `JWT_ISSUER, which has ${shown(auth.issuers)}: every character must match`;
  if (claim === 'aud') return `JWT_AUDIENCE, which has ${values(auth.audiences)}`;
  if (CLIENT_CLAIMS.some((name) => name === claim)) return `JWT_CLIENT_IDS, which has ${values(auth.clientIds)}`;
  return `a newer token, or the clocks (JWT_CLOCK_TOLERANCE_SECONDS is ${auth.clockToleranceSeconds})`;
}

function checkedClaims({ issuers, audiences, clientIds }: AuthConfig): string[] {
  const checked = { iss: issuers, aud: audiences, [CLIENT_CLAIMS.join('/')]: clientIds };
  return Object.entries(checked).flatMap(([name, values]) => (values.length > 0 ? [name] : []));
}

/** As JSON, cut to a bounded length: no control character reaches the terminal. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'none';
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
