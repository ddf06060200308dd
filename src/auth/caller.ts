import type { CallerLimits } from '../config/caller-limits.ts';
import { Problem } from '../contract/errors.ts';
import { toUserId, type UserId } from '../contract/object-key.ts';
import type { Scope } from '../contract/scopes.ts';

/** The identity in a token. */
export type Identity = {
  /** The owner of the files. */
  userId: UserId;
  /** Who acts: the token's user. */
  actorId: UserId;
  /** Whether an admin acts for the owner of the files by `X-On-Behalf-Of`. */
  isOnBehalf: boolean;
  scopes: ReadonlySet<Scope>;
  /** What this caller may upload, if that is less than the service allows. */
  limits?: CallerLimits | undefined;
};

/** The identity and the request, for the audit log. */
export type Caller = Identity & {
  requestId: string;
  /** The client's IP address; null if unknown. */
  address: string | null;
};

/**
 * Requires one of these scopes of the caller.
 * @throws {Problem} `forbidden`, with the challenge of RFC 6750, section 3.1, naming the first scope.
 */
export function requireScope(caller: Pick<Identity, 'scopes'>, scope: Scope, ...others: Scope[]): void {
  if ([scope, ...others].some((each) => caller.scopes.has(each))) return;
  throw new Problem('forbidden', `this needs the scope ${scope}`, {
    headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` },
  });
}

/**
 * The caller, acting for the user in `X-On-Behalf-Of`; without the header, the caller unchanged.
 * @param scope of the route: a judge may judge any user's files.
 * @param onBehalfOf the header as received, one character per byte; a non-ASCII id is UTF-8.
 * @throws {Problem} `forbidden` without `files:admin` (or `files:judge`, where that is the route's scope),
 * `invalid-request` if it is not a user id.
 */
export function actFor(caller: Identity, onBehalfOf: string | undefined, scope: Scope): Identity {
  if (onBehalfOf === undefined) return caller;
  requireScope(caller, scope === 'files:judge' ? scope : 'files:admin');
  const userId = toUserId(utf8(onBehalfOf));
  if (userId === null) throw new Problem('invalid-request', 'X-On-Behalf-Of is not a user id');
  return { ...caller, userId, isOnBehalf: true };
}

/** Node reads header bytes as Latin-1: without decoding, a non-ASCII id would silently be another user's. */
function utf8(header: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return null;
  }
}
