import type { Database } from '../db/connect-database.ts';
import type { Exclusively, Lease } from '../db/create-leases.ts';
import type { SweeperHealth } from '../jobs/sweep-refused.ts';
import type { Slots } from '../net/slots.ts';
import { type Metrics, NO_METRICS } from '../telemetry/create-metrics.ts';

type Watched = {
  database: Pick<Database, 'connections'>;
  /** By task. */
  slots: Readonly<Record<string, Pick<Slots, 'counts'>>>;
  sweeperHealth: SweeperHealth;
  leases: Pick<TrackedLeases, 'held'>;
};

/**
 * Adds the metrics that are read at each scrape: the state of the services and the process.
 * @returns a function that ends that.
 */
export async function watchServices(
  metrics: Metrics,
  { database, slots, sweeperHealth, leases }: Watched,
): Promise<() => Promise<void>> {
  if (metrics === NO_METRICS) return async () => {};
  metrics.watch('signpost_database_connections', () => {
    const { used, idle } = database.connections();
    return [
      { labels: { state: 'used' }, value: used },
      { labels: { state: 'idle' }, value: idle },
    ];
  });
  metrics.watch('signpost_database_waiting', () => database.connections().waiting);
  metrics.watch('signpost_tasks', () =>
    Object.entries(slots).flatMap(([task, { counts }]) =>
      Object.entries(counts()).map(([state, value]) => ({ labels: { task, state }, value })),
    ),
  );
  metrics.watch('signpost_sweep_refusals_total', () => sweeperHealth.refusals);
  metrics.watch('signpost_sweep_refused', () => (sweeperHealth.refused === null ? 0 : 1));
  metrics.watch('signpost_sweep_finished_timestamp_seconds', () => {
    return sweeperHealth.finishedAt === null ? null : sweeperHealth.finishedAt.getTime() / 1000;
  });
  metrics.watch('signpost_lease_held', () =>
    Object.entries(leases.held()).map(([lease, isHeld]) => ({ labels: { lease }, value: isHeld ? 1 : 0 })),
  );
  // Runtimes other than Node may lack the functions that it measures with.
  const { watchProcess } = await import('../telemetry/watch-process.ts');
  const stop = watchProcess(metrics);
  return async () => stop();
}

type TrackedLeases = {
  exclusively: Exclusively;
  /** Whether this instance holds the lease of this name; of all names that it asked for. */
  held(): Record<string, boolean>;
};

/** Leases that are known to be held, or not. */
export function trackLeases(exclusively: Exclusively): TrackedLeases {
  const leases = new Map<string, Lease | null>();
  return {
    exclusively: (name, task) => {
      leases.set(name, leases.get(name) ?? null);
      return exclusively(name, async (lease) => {
        leases.set(name, lease);
        try {
          return await task(lease);
        } finally {
          leases.set(name, null);
        }
      });
    },
    held: () => Object.fromEntries([...leases].map(([name, lease]) => [name, lease !== null && !lease.signal.aborted])),
  };
}
