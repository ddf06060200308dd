import type { Caller } from '../auth/caller.ts';

/** What the middleware hands to the routes. `caller` is set behind `authenticate`, so on every route that needs one. */
export type Env = { Variables: { requestId: string; caller: Caller } };
