import { type SealServices, sealAuditLog } from '../audit/seal-audit-log.ts';
import type { Config } from '../config/config.ts';
import { causeOf } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import type { Exclusively, Lease } from '../db/create-leases.ts';
import type { RateQueries } from '../db/create-rate-queries.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import type { WebhookDelivery } from '../webhooks/create-webhook-delivery.ts';
import type { Scanner } from './create-scanner.ts';
import type { Watermark } from './keep-watermark.ts';
import type { SweepServices } from './running-sweep.ts';
import { noCounts, sweep } from './sweep.ts';
import { noteRefusal, noteSuccess, type SweeperHealth, SweepRefused } from './sweep-refused.ts';

/** The name of the lease that a sweep runs under. */
export const SWEEP_LEASE = 'sweep';

export type JobServices = SweepServices & { config: Pick<Config, 'jobs'> } & SealServices & {
    exclusively: Exclusively;
    watermark: Watermark;
    sweeperHealth: SweeperHealth;
    /** null: there is no receiver. */
    webhooks: WebhookDelivery | null;
    /** null: held files wait for other judges. */
    scanner: Scanner | null;
    /** null: each instance counts requests for itself. */
    rates: Pick<RateQueries, 'forget'> | null;
    metrics: Pick<Metrics, 'count'>;
    logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  };

/** How long a run of the jobs by hand waits for webhooks; the rest is sent in the next run. */
const WEBHOOKS_WITHIN_MS = 60_000;

type Task = 'sweep' | 'seal' | 'webhooks' | 'scan' | 'rates';

/**
 * Sweeps, and seals the audit log, every `JOBS_INTERVAL_SECONDS`, on the first instance that gets to it. The first run
 * is after a random part of the interval, so that instances started together run at different times. Failures are
 * logged and retried; refused sweeps are logged at most once an hour. Webhooks that are due are sent, and held files
 * scanned, at once.
 * @returns a function that stops the jobs, after the current page of a sweep.
 */
export function startJobs(services: JobServices, random: () => number = Math.random): () => Promise<void> {
  const intervalMs = services.config.jobs.intervalSeconds * 1000;
  // Prometheus sees no increase for a counter that first appears with its first event.
  for (const result of Object.keys(noCounts())) services.metrics.count('signpost_sweep_objects_total', { result }, 0);
  if (intervalMs === 0) return async () => {};
  services.webhooks?.soon();
  services.scanner?.start();
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;

  const again = (delayMs: number) => {
    timer = setTimeout(() => {
      running = runJobs(services, stopping.signal)
        .catch(() => {})
        .then(() => {
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

/**
 * Runs all jobs once, or what the other instances leave of them. Failures are logged.
 * @throws the first failure, when all have run.
 */
export async function runJobs(services: JobServices, signal: AbortSignal): Promise<void> {
  const { exclusively, webhooks, scanner, rates } = services;
  const hasTimer = services.config.jobs.intervalSeconds > 0;
  const failures: unknown[] = [];
  const run = (task: Task, job: Job) =>
    runJob(services, task, job).catch((error: unknown) => {
      failures.push(error);
    });
  if (webhooks !== null) {
    await run('webhooks', async () => {
      if (hasTimer) webhooks.soon();
      else await webhooks.run(WEBHOOKS_WITHIN_MS);
      return { forgotten: await webhooks.forget() };
    });
  }
  // With an interval, the scanner has a timer of its own.
  if (scanner !== null && !hasTimer) await run('scan', scanner.run);
  if (rates !== null) await run('rates', async () => ({ forgotten: await rates.forget() }));
  await run('sweep', () => exclusively(SWEEP_LEASE, (lease) => sweepInTurn(services, lease, signal)));
  // Needs no lock: of two seals with the same number, one is refused. The log line stores the seal outside the
  // database.
  await run('seal', () => sealAuditLog(services));
  if (failures.length > 0) throw failures[0];
}

/** Returns what it did, for the log; null if there was nothing to do. */
type Job = () => Promise<Record<string, unknown> | null>;

/** Runs a job, and logs and counts how it ended. @throws what the job throws. */
async function runJob({ logger, metrics, sweeperHealth, now }: JobServices, task: Task, job: Job): Promise<void> {
  const count = (outcome: string) => metrics.count('signpost_job_runs_total', { task, outcome });
  try {
    const result = await job();
    if (result !== null) logger.info(result, task);
    count(result === null ? 'skipped' : 'done');
  } catch (error) {
    if (error instanceof SweepRefused) {
      if (noteRefusal(sweeperHealth, error, now())) logger.error({}, error.message);
      count('refused');
    } else {
      logger.error({ err: causeOf(error) }, `${task} failed; retrying`);
      count('failed');
    }
    throw error;
  }
}

/** @returns the counts; null if another instance has swept less than half an interval ago. */
async function sweepInTurn(services: JobServices, lease: Lease, signal: AbortSignal) {
  const { config, metrics, now, sweeperHealth, sweepQueries, watermark } = services;
  const last = await sweepQueries.readState();
  sweeperHealth.finishedAt = last?.finishedAt ?? sweeperHealth.finishedAt;
  const sinceMs = now().getTime() - (last?.finishedAt?.getTime() ?? 0);
  // A time in the future comes from a wrong clock.
  if (sinceMs >= 0 && sinceMs < (config.jobs.intervalSeconds * 1000) / 2) return null;
  await watermark.settle();
  const ends = AbortSignal.any([signal, lease.signal]);
  const { counts, finishedAt } = await sweep(services, { signal: ends, checkLease: lease.check });
  noteSuccess(sweeperHealth);
  if (finishedAt !== null) {
    sweeperHealth.finishedAt = finishedAt;
    for (const [result, count] of Object.entries(counts)) {
      metrics.count('signpost_sweep_objects_total', { result }, count);
    }
  }
  return { ...counts };
}
