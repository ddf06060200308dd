import * as z from 'zod';
import type { CallerLimits } from '../config/caller-limits.ts';
import { unavailable } from '../contract/errors.ts';
import { toUserId } from '../contract/object-key.ts';
import { SCOPES, type Scope } from '../contract/scopes.ts';
import { inTime } from '../net/in-time.ts';
import type { Identity } from './caller.ts';
import { limitsSchema } from './limits-schema.ts';
import { unauthenticated } from './token-refusal.ts';

/** Who a request comes from. */
export type Authorization = {
  /** Who acts; the audit log names this id. */
  userId: string;
  /** Whose the files are: a team, a tenant. Default: the user. */
  ownerId?: string | undefined;
  /** Default: `files:read` and `files:write`. */
  scopes?: readonly Scope[] | undefined;
  /** What this caller may upload, if that is less than the service allows. */
  limits?: CallerLimits | undefined;
};

/**
 * Decides who a request comes from, in place of a JWT: for example by the app's own session. Gets the request without
 * its body. Returns null or undefined, as session stores do, if nobody is signed in.
 */
export type Authorize = (
  request: Request,
) => Authorization | null | undefined | Promise<Authorization | null | undefined>;

/** How long the app may take to decide. */
const DECIDED_WITHIN_MS = 10_000;

const authorization = z.strictObject({
  userId: z.string(),
  ownerId: z.string().optional(),
  scopes: z.array(z.enum(SCOPES)).optional(),
  limits: limitsSchema.optional(),
});

/**
 * The identity that the app's `authorize` gives a request.
 * @throws {Problem} `unauthenticated` for null or undefined; `application-unavailable` if it throws, takes over ten
 * seconds, or returns anything other than an `Authorization`.
 */
export async function authorizeWith(
  authorize: Authorize,
  request: Request,
  withinMs = DECIDED_WITHIN_MS,
): Promise<Identity> {
  let answer: unknown;
  try {
    answer = await inTime(
      Promise.resolve().then(() => authorize(request)),
      withinMs,
    );
  } catch (cause) {
    throw unavailable('application', new Error('authorize failed', { cause }));
  }
  if (answer === null || answer === undefined) throw unauthenticated('you are not signed in');
  return toIdentity(answer, (wrong) => unavailable('application', new Error(`authorize returned ${wrong}`)));
}

/**
 * The identity of an `Authorization`.
 * @param refuse makes the error for one that is not valid; it gets the names of the fields.
 */
export function toIdentity(answer: unknown, refuse: (wrong: string) => Error): Identity {
  const parsed = authorization.safeParse(answer);
  if (!parsed.success) throw refuse(describe(parsed.error));
  const { userId, ownerId = userId, scopes = ['files:read', 'files:write'], limits } = parsed.data;
  const [actor, owner] = [toUserId(userId), toUserId(ownerId)];
  if (actor === null || owner === null) throw refuse(`no valid id as ${actor === null ? 'userId' : 'ownerId'}`);
  const withImplied = scopes.includes('files:admin') ? SCOPES : scopes;
  return { userId: owner, actorId: actor, isOnBehalf: false, scopes: new Set(withImplied), limits };
}

function describe({ issues }: z.ZodError): string {
  const fields = issues.map(({ path, message }) => `${path.join('.')}: ${message}`.replace(/^: /, ''));
  return `no valid authorization (${fields.join('; ')})`;
}
