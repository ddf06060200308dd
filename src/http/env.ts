import type { Caller } from '../auth/caller.ts';

/** What the middleware hands to the routes. `caller` is set behind `authenticate`, so on every route that needs one. */
export type Env = {
  Variables: {
    requestId: string;
    /** Headers of whatever the answer will be, by lower-case name: middleware adds, `answer` sends. */
    headers: Record<string, string>;
    caller: Caller;
  };
};
