import { type SealServices, sealAuditLog } from '../audit/seal-audit-log.ts';
import type { Exclusively, Lease } from '../db/create-leases.ts';
import { Problem } from '../errors.ts';
import { type SweepServices, sweep } from './sweep.ts';

/** The name of the lease that a sweep runs under. */
export const SWEEP_LEASE = 'sweep';

export type JobServices = SweepServices &
  SealServices & {
    exclusively: Exclusively;
    logger: Record<'info' | 'warn' | 'error', (fields: Record<string, unknown>, message: string) => void>;
  };

/**
 * Sweeps, and seals the audit log, every `JOBS_INTERVAL_SECONDS`, on whichever instance comes first. The first time
 * after a random part of the interval, so that instances that started together do not keep meeting. What fails is
 * logged and tried again.
 * @returns what stops it: after the page that is being swept.
 */
export function startJobs(services: JobServices, random: () => number = Math.random): () => Promise<void> {
  const intervalMs = services.config.jobsIntervalSeconds * 1000;
  if (intervalMs === 0) return async () => {};
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;

  const again = (delayMs: number) => {
    timer = setTimeout(() => {
      running = runJobs(services, stopping.signal).then(() => {
        if (!stopping.signal.aborted) again(intervalMs);
      });
    }, delayMs);
    timer.unref();
  };
  again(intervalMs * random());
  return async () => {
    stopping.abort();
    clearTimeout(timer);
    await running;
  };
}

async function runJobs(services: JobServices, signal: AbortSignal): Promise<void> {
  const { exclusively, logger, sweepQueries, config, now } = services;
  const attempt = async (name: string, job: () => Promise<Record<string, unknown> | null>) => {
    try {
      const result = await job();
      if (result !== null) logger.info(result, name);
    } catch (error) {
      logger.error({ err: error instanceof Problem ? error.cause : error }, `${name} failed; it is tried again`);
    }
  };
  const sweepInTurn = async (lease: Lease) => {
    const last = await sweepQueries.readState();
    const sinceMs = now().getTime() - (last?.finishedAt?.getTime() ?? 0);
    // Another instance was here not long ago.
    if (sinceMs < (config.jobsIntervalSeconds * 1000) / 2) return null;
    return { ...(await sweep(services, { signal: AbortSignal.any([signal, lease.signal]) })).counts };
  };
  await attempt('sweep', () => exclusively(SWEEP_LEASE, sweepInTurn));
  // Needs no lock: of two seals with the same number, one is refused. Its line in the log is a note of it elsewhere.
  await attempt('seal', () => sealAuditLog(services));
}
