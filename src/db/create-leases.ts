import { and, eq, sql } from 'drizzle-orm';
import type { Database } from './connect-database.ts';
import { leases } from './jobs-schema.ts';
import { queryDatabase } from './query-database.ts';

/** Held by a task while it is the only one that runs under its name. */
export type Lease = {
  /** Aborted when the lease is lost: another instance may have started the task, so this one must stop. */
  signal: AbortSignal;
  /** Grows with each holder. Writes with a lower number than the database has are outdated. */
  fence: number;
  /**
   * Renews the lease in the database. Call it before any step that must not happen after the lease is lost.
   * @throws {Error} if it is lost, and `database-unavailable`.
   */
  check: () => Promise<void>;
};

/**
 * Runs a task unless another instance runs it. While the task runs, its lease is renewed; if the instance dies, the
 * lease expires within a minute.
 * @returns the task's result; null if another instance has the lease.
 * @throws what the task throws, and `database-unavailable`.
 */
export type Exclusively = <T>(name: string, task: (lease: Lease) => Promise<T>) => Promise<T | null>;

/** The lifetime of a lease that is not renewed. */
const TERM_SECONDS = 60;

/**
 * Leases are rows instead of advisory locks: a session's lock stays with the pooler's connection after its instance got
 * another one (PgBouncer's transaction mode, Supavisor, Neon's pooler). They expire by the database's clock, so the
 * clocks of the instances may differ; it may also be set back.
 */
export function createLeases({ db }: Pick<Database, 'db'>, termSeconds = TERM_SECONDS): Exclusively {
  const after = (seconds: number) => sql`now() + ${seconds} * interval '1 second'`;
  const expiresAt = after(termSeconds);
  // One that ends later than any lease can was taken while the database's clock was wrong: its holder may be long gone.
  const isFree = sql`${leases.expiresAt} <= now() or ${leases.expiresAt} > ${after(2 * TERM_SECONDS)}`;

  const acquire = async (name: string, holder: string): Promise<number | undefined> => {
    const [taken] = await queryDatabase(() =>
      db
        .insert(leases)
        .values({ name, holder, fence: 1, expiresAt })
        .onConflictDoUpdate({
          target: leases.name,
          set: { holder, fence: sql`${leases.fence} + 1`, expiresAt },
          setWhere: isFree,
        })
        .returning({ fence: leases.fence }),
    );
    return taken?.fence;
  };
  /** Whether the lease was still held. */
  const extend = async (name: string, holder: string, fence: number, until = expiresAt): Promise<boolean> => {
    const isThis = and(eq(leases.name, name), eq(leases.holder, holder), eq(leases.fence, fence));
    const held = await queryDatabase(() =>
      db.update(leases).set({ expiresAt: until }).where(isThis).returning({ fence: leases.fence }),
    );
    return held.length > 0;
  };

  return async (name, task) => {
    const holder = crypto.randomUUID();
    let renewedAt = performance.now();
    const fence = await acquire(name, holder);
    if (fence === undefined) return null;
    const lost = new AbortController();
    const check = async () => {
      const askedAt = performance.now();
      if (!(await extend(name, holder, fence))) lost.abort(new Error(`the lease "${name}" went to another instance`));
      lost.signal.throwIfAborted();
      renewedAt = askedAt;
    };
    let renewing: Promise<void> = Promise.resolve();
    const timer = setInterval(
      () => {
        renewing = check().catch(() => {
          // A short outage of the database has no effect; a longer one ends the lease.
          const leftMs = renewedAt + termSeconds * 1000 - performance.now();
          if (leftMs < (termSeconds * 1000) / 4) lost.abort(new Error(`the lease "${name}" could not be renewed`));
        });
      },
      (termSeconds * 1000) / 4,
    );
    try {
      return await task({ signal: lost.signal, fence, check });
    } finally {
      clearInterval(timer);
      // A renewal that is on its way must not come after the release.
      await renewing;
      // If the lease cannot be released, it expires. A second ago, because the column rounds to milliseconds, also up.
      await extend(name, holder, fence, sql`now() - interval '1 second'`).catch(() => false);
    }
  };
}
