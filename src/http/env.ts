import type { Target } from '../audit/record-refusals.ts';
import type { Identity } from '../auth/caller.ts';
import type { TokenRefusal } from '../auth/refusal.ts';
import type { AuditAction } from '../db/audit-row.ts';
import type { Slots } from '../net/slots.ts';

/** Places for bodies on their way: a large one has up to 1 MiB, a small one up to 64 KiB. */
export type BodySlots = { large: Slots; small: Slots };

/** What the middleware hands to the routes. `caller` is set behind `authenticate`, so on every route that needs one. */
export type Env = {
  /** What @hono/node-server hands over; nothing where a request comes without a socket. */
  Bindings: { incoming?: { httpVersion?: string; socket: { remoteAddress?: string | undefined } } };
  Variables: {
    requestId: string;
    /** Headers of whatever the answer will be, by lower-case name: middleware adds, `answer` sends. */
    headers: Record<string, string>;
    /** The client's IP address, as far as it is known. */
    address: string | null;
    /** Places for bodies on their way. */
    bodies: BodySlots;
    caller: Identity;
    /** What a route that was reached does, and to what, as far as its path and query say. */
    act?: Target & { action: AuditAction };
    /** Why a token was not taken, where that is the answer. */
    refusal?: TokenRefusal;
    /** Counts the entries of a batch for the rate limit, where there is one; throws `rate-limited`. */
    countEntries?: (entries: number) => void;
  };
};
