import { causeOf } from '../contract/errors.ts';
import type { DatabaseUse } from '../db/track-use.ts';
import { inTime } from '../net/in-time.ts';
import type { Credentials } from '../signing/credentials.ts';
import type { Bucket } from '../storage/bucket.ts';

export type ReadinessServices = {
  bucket: Pick<Bucket, 'ping'>;
  database: { ping: () => Promise<void>; lastUse: () => DatabaseUse | null };
  credentials: () => Credentials | Promise<Credentials>;
};

/** The state of one part of the service: `why` it fails, or null; `cause` is for the log. */
export type Part = { why: string | null; cause?: unknown };
export type Parts = Record<'signing' | 'bucket' | 'database', Part>;

/** How long an answer is reused: the route is open, and a flood of probes must not reach bucket and database. */
const KEPT_MS = 1_000;
/** Shorter than the timeout of a readiness probe (Kubernetes: 1 s). */
const GLANCE_MS = 800;
/** Longer than a healthy bucket or database takes on a busy machine. */
const ANSWER_WITHIN_MS = 4_000;
/** A database unused for so long is not asked, so that it can sleep: such databases (Neon) do after five minutes. */
const IN_USE_MS = 60_000;

/** The answer for a database that may be asleep. */
const NOT_IN_USE: Part = { why: null };

/**
 * Checks signing, bucket and database. Durations use the monotonic clock.
 *
 * `glance` answers within a second, and asks the database only the first time, while requests use it, or after it was
 * down: probes every ten seconds would never let an idle database sleep. `look` asks all three.
 */
export function createReadiness({ bucket, database, credentials }: ReadinessServices) {
  const askBucket = remember(() => bucket.ping());
  const askDatabase = remember(() => database.ping());
  const askSigning = remember(async () => void (await credentials()));

  function mayAskDatabase(): boolean {
    const known = askDatabase.last();
    const use = database.lastUse();
    if (known === null || known.part.why !== null) return true;
    if (use === null) return false;
    return performance.now() - use.at < IN_USE_MS || (!use.isUp && use.at > known.at);
  }

  const ask = async (withinMs: number, asksDatabase: boolean): Promise<Parts> => {
    const [signing, ofBucket, ofDatabase] = await Promise.all([
      askSigning.within(withinMs),
      askBucket.within(withinMs),
      asksDatabase ? askDatabase.within(withinMs) : NOT_IN_USE,
    ]);
    return { signing, bucket: ofBucket, database: ofDatabase };
  };
  return { glance: () => ask(GLANCE_MS, mayAskDatabase()), look: () => ask(ANSWER_WITHIN_MS, true) };
}

/** Runs one check at a time, and reuses its answer for a second. */
function remember(question: () => Promise<void>) {
  let known: { part: Part; at: number } | null = null;
  let asking: Promise<Part> | null = null;

  async function ask(): Promise<Part> {
    const part = await inTime(question(), ANSWER_WITHIN_MS).then(() => ({ why: null }), toPart);
    known = { part, at: performance.now() };
    asking = null;
    return part;
  }

  return {
    last: () => known,
    within: async (ms: number): Promise<Part> => {
      if (known !== null && performance.now() - known.at < KEPT_MS) return known.part;
      asking ??= ask();
      return inTime(asking, ms).catch(toPart);
    },
  };
}

function toPart(cause: unknown): Part {
  return { why: 'does not answer', cause: causeOf(cause) };
}
