import type { JWTPayload } from 'jose';
import type { AuthConfig } from '../config/auth-config.ts';
import type { CallerLimits } from '../config/caller-limits.ts';
import { toUserId, type UserId } from '../contract/object-key.ts';
import { SCOPES, type Scope, type ScopeWords } from '../contract/scopes.ts';
import type { Identity } from './caller.ts';
import { limitsSchema } from './limits-schema.ts';
import { claimRefused, unauthenticated } from './token-refusal.ts';

/**
 * RFC 9068, section 2.2 (`client_id`), OpenID Connect Core, section 2 (`azp`), Okta (`cid`), Entra ID 1.0 (`appid`).
 */
export const CLIENT_CLAIMS = ['azp', 'client_id', 'cid', 'appid'] as const;

/** Read without `JWT_SCOPE_CLAIM`. RFC 8693, section 4.2 (`scope`); Entra ID and Okta send `scp`. */
export const DEFAULT_SCOPE_CLAIMS: readonly string[] = ['scope', 'scp'];
const DEFAULT_SCOPES: ReadonlySet<Scope> = new Set(['files:read', 'files:write']);

type ClaimSettings = Pick<AuthConfig, 'userClaim' | 'ownerClaim' | 'scopeClaims' | 'scopeWords'>;

/**
 * A claim by its name, which may contain dots (`https://example.com/user_id`). If there is no such claim, the dots
 * separate the names of nested objects (`user.id`).
 */
export function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const outer = name.slice(0, dot);
    const inner = Object.hasOwn(claims, outer) ? claims[outer] : undefined;
    const value = isObject(inner) ? claimAt(inner, name.slice(dot + 1)) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The claim with the limits of a ticket. */
export const LIMITS_CLAIM = 'signpost';

/**
 * The user, owner, scopes and limits of a verified token.
 * @throws {Problem} `unauthenticated` if its limits are malformed, if it names no user, or no owner although
 * JWT_OWNER_CLAIM is set: the user's id cannot replace the owner's, since it may equal the id of a team.
 */
export function readIdentity(payload: JWTPayload, settings: ClaimSettings): Identity {
  const { userClaim, ownerClaim } = settings;
  const actorId = idAt(payload, userClaim);
  if (actorId === null) throw unauthenticated('the token names no user id', { claim: userClaim });
  const userId = ownerClaim === null ? actorId : idAt(payload, ownerClaim);
  if (userId === null) throw unauthenticated('the token names no owner', { claim: ownerClaim ?? userClaim });
  const limits = readLimits(payload);
  return { userId, actorId, isOnBehalf: false, scopes: readScopes(payload, settings), ...(limits && { limits }) };
}

/** Limits that cannot be read must not be no limits: the token is refused. */
function readLimits(payload: JWTPayload): CallerLimits | undefined {
  if (!Object.hasOwn(payload, LIMITS_CLAIM)) return undefined;
  const limits = limitsSchema.safeParse(payload[LIMITS_CLAIM]);
  if (limits.success) return limits.data;
  const fields = new Set(limits.error.issues.map(({ path: [field] }) => String(field ?? 'its fields')));
  throw claimRefused(LIMITS_CLAIM, `its claim ${LIMITS_CLAIM} is malformed: ${[...fields].join(', ')}`);
}

/** RFC 7519, section 4.1.2: `sub` is a string. In an issuer's own claims, whole numbers are ids as well. */
function idAt(payload: JWTPayload, name: string): UserId | null {
  const value = claimAt(payload, name);
  return toUserId(name !== 'sub' && Number.isSafeInteger(value) ? String(value) : value);
}

/**
 * The scopes of a token: strings separated by spaces, or lists. A token without any of the claims may read and write,
 * unless JWT_SCOPE_CLAIM or JWT_SCOPES is set: a missing role must not allow more than a present one.
 */
function readScopes(payload: JWTPayload, { scopeClaims, scopeWords }: ClaimSettings): ReadonlySet<Scope> {
  const claims = (scopeClaims ?? DEFAULT_SCOPE_CLAIMS).map((name) => claimAt(payload, name));
  if (scopeClaims === null && scopeWords === null && claims.every((claim) => claim === undefined))
    return DEFAULT_SCOPES;
  const named = claims
    .flat()
    .flatMap((claim) => (typeof claim === 'string' ? [claim, ...claim.split(' ')] : []))
    .flatMap((word) => [word, ...translate(word, scopeWords)]);
  const ours = SCOPES.filter((scope) => named.includes(scope) || named.includes('files:admin'));
  return new Set(ours.length > 0 ? ours : scopeWords?.otherwise);
}

function translate(word: string, scopeWords: ScopeWords | null): readonly string[] {
  if (scopeWords === null) return [];
  const bare = scopeWords.prefixes
    .filter((prefix) => word.startsWith(prefix))
    .map((prefix) => word.slice(prefix.length));
  return [...(scopeWords.words.get(word) ?? []), ...bare];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
