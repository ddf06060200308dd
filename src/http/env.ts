import type { Target } from '../audit/record-events.ts';
import type { Identity } from '../auth/caller.ts';
import type { TokenRefusal } from '../auth/token-refusal.ts';
import type { ProblemCode } from '../contract/errors.ts';
import type { AuditAction } from '../db/audit-row.ts';
import type { Slots } from '../net/slots.ts';

/** Slots for bodies in transfer: a large one has up to 1 MiB, a small one up to 64 KiB. */
export type BodySlots = { large: Slots; small: Slots };

/** The variables that middleware sets for the routes. `authenticate` sets `caller`, on every route that needs one. */
export type Env = {
  /** What @hono/node-server provides; absent for a request without a socket. */
  Bindings: {
    incoming?: { httpVersion?: string; socket: { remoteAddress?: string | undefined } };
    outgoing?: { destroyed: boolean; once(event: 'close', listener: () => void): unknown };
  };
  Variables: {
    requestId: string;
    /** Headers of the answer, by lower-case name: middleware adds them, `answer` sends them. */
    headers: Record<string, string>;
    /** The client's IP address, if known. */
    address: string | null;
    /** Slots for bodies in transfer. */
    bodies: BodySlots;
    caller: Identity;
    /** The action of the matched route, and its target as far as path and query name it. */
    act?: Target & { action: AuditAction };
    /** The problem's code, if the answer is a problem. */
    code?: ProblemCode;
    /** The request's body, if it was read. */
    body?: Uint8Array;
    /** The size of the answer's body; for `/content` the announced one. */
    bytesOut?: number;
    /** How much of that is in memory for this answer alone: the whole text; nothing of a stream, and of HEAD. */
    bytesHeld?: number;
    /** Why the token was refused, if it was. */
    refusal?: TokenRefusal;
    /** Counts a batch's entries towards the rate limit, if there is one; throws `rate-limited`. */
    countEntries?: (entries: number) => Promise<void>;
  };
};
