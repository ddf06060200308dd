import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { causeOf } from '../contract/errors.ts';
import type { WebhookMessage, WebhookQueue } from '../db/create-webhook-queries.ts';
import { inTime } from '../net/in-time.ts';
import { NO_METRICS } from '../telemetry/create-metrics.ts';
import { untraced } from '../telemetry/trace-request.ts';
import { type AttemptServices, attemptMessage, type Outcome } from './attempt-message.ts';
import { probeAfter } from './backoff.ts';

export type DeliveryServices = AttemptServices & { config: Pick<Config, 'jobs'> };

/** Delivers webhooks' messages. No function throws, unless it says so. */
export type WebhookDelivery = {
  /** Delivers what is due, soon, and returns at once. */
  soon: () => void;
  /** Delivers what is due, and waits for it, at most `withinMs` if given; the rest is delivered after that. */
  run: (withinMs?: number) => Promise<void>;
  /** Waits for what runs, at most `withinMs`. */
  settle: (withinMs: number) => Promise<void>;
  /** Deletes messages delivered over a week ago, and returns their number. Throws `database-unavailable`. */
  forget: () => Promise<number>;
  /** How many attempts run now. */
  counts: () => { running: number; waiting: number };
  /** How many messages waited or were dead when that was last counted; null: it was not yet. */
  queued: () => WebhookQueue | null;
  /** Ends the delivery: running attempts have 5 seconds to end; those that do not are repeated later. */
  close: () => Promise<void>;
};

/** How many messages are sent at the same time. */
const PARALLEL = 16;

/** A run ends after this number of failures in a row. */
const PATIENCE = 3;

/** How long to wait for a database that does not answer. */
const DATABASE_AWAY_SECONDS = 30;

/** If the next message is due within this time, a run waits for it. */
const DUE_SOON_SECONDS = 0.05;

const CLOSED_WITHIN_MS = 5_000;

/** For the metrics, the queue is counted this often during a run, and at its end. */
const COUNT_EVERY_MS = 30_000;

/** For how many days a command can send delivered messages again, and how many one statement deletes. */
const KEPT_DAYS = 7;
const FORGET_BATCH = 5_000;

/**
 * Runs begin with a change (`soon`), with the jobs, and, where jobs run in this process, when the next message is due.
 * A run ends when nothing is due.
 *
 * While the receiver fails, messages are sent one by one, and after three failures in a row the run ends: the next one
 * is 5 seconds to 5 minutes later, or with the next change. So a receiver that is down costs little, and messages that
 * were not sent meanwhile have used up no attempts. A `Retry-After` holds for all messages.
 */
export function createWebhookDelivery(services: DeliveryServices): WebhookDelivery {
  const { webhookQueries, config, logger, random } = services;
  const inFlight = new Set<Promise<void>>();
  const stopping = new AbortController();
  const hasTimer = config.jobs.intervalSeconds > 0;
  let isClosed = false;
  let running: Promise<void> | null = null;
  let failuresInARow = 0;
  let failedRuns = 0;
  /** By the monotonic clock. */
  let notBefore = 0;
  let timer: NodeJS.Timeout | undefined;
  let isAsked = false;
  let wake = () => {};
  let queued: WebhookQueue | null = null;
  let countedAt = Number.NEGATIVE_INFINITY;

  /** Only in runs: a database that sleeps is not woken for a count. */
  async function countQueue(): Promise<void> {
    if (services.metrics === NO_METRICS) return;
    countedAt = performance.now();
    queued = await webhookQueries.countQueue();
  }

  function note(message: WebhookMessage, outcome: Outcome): void {
    if (outcome.kind === 'released') return;
    if (outcome.kind === 'delivered') {
      if (failedRuns > 0) logger.warn({}, 'webhooks are delivered again');
      failuresInARow = 0;
      failedRuns = 0;
      return;
    }
    const { kind, reason, retryAfterSeconds } = outcome;
    const fields = { reason, webhookId: message.id, type: message.type, fileId: message.fileId };
    if (kind === 'dead') logger.error(fields, 'a webhook was not delivered, and is not tried again');
    else if (failuresInARow === 0) logger.warn(fields, 'a webhook was not delivered; retrying');
    failuresInARow++;
    notBefore = Math.max(notBefore, performance.now() + retryAfterSeconds * 1000);
  }

  function begin(message: WebhookMessage, claimedAt: number): void {
    const attempt = attemptMessage(services, message, { claimedAt, stopping: stopping.signal })
      .then((outcome) => note(message, outcome))
      .catch((error: unknown) => {
        const fields = { err: causeOf(error), webhookId: message.id };
        logger.warn(fields, 'the outcome of a webhook could not be stored: it is sent again');
      })
      .finally(() => inFlight.delete(attempt));
    inFlight.add(attempt);
  }

  /** @returns the seconds until the next run; null: nothing waits. */
  async function deliverDue(): Promise<number | null> {
    let begun = 0;
    const mayBegin = () => !isClosed && performance.now() >= notBefore && (failuresInARow < PATIENCE || begun === 0);
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      isAsked = false;
      const free = (failuresInARow > 0 ? 1 : PARALLEL) - inFlight.size;
      const claimedAt = performance.now();
      const claimed = mayBegin() && free > 0 ? await webhookQueries.claim(free) : [];
      begun += claimed.length;
      for (const message of claimed) begin(message, claimedAt);
      if (performance.now() - countedAt > COUNT_EVERY_MS) await countQueue();
      if (claimed.length === 0 && mayBegin() && free > 0 && (await webhookQueries.postpone()) > 0) continue;
      if (inFlight.size > 0) {
        await Promise.race([...inFlight, ...(free > claimed.length ? [woken] : [])]);
        continue;
      }
      if (!mayBegin()) break;
      if (isAsked) continue;
      const seconds = await webhookQueries.secondsUntilDue();
      if (seconds === null || seconds > DUE_SOON_SECONDS) {
        await countQueue();
        return seconds;
      }
      // A message became due since the claim, or another instance has locked it.
      await sleep(DUE_SOON_SECONDS * 1000);
    }
    if (performance.now() < notBefore) return (notBefore - performance.now()) / 1000;
    return probeAfter(++failedRuns, random());
  }

  async function runOnce(): Promise<void> {
    clearTimeout(timer);
    const nextSeconds = await deliverDue().catch((error: unknown) => {
      logger.warn({ err: causeOf(error) }, 'webhooks could not be read from the database; retrying');
      return DATABASE_AWAY_SECONDS;
    });
    await Promise.all(inFlight);
    if (hasTimer && !isClosed && nextSeconds !== null) {
      timer = setTimeout(soon, Math.min(nextSeconds * 1000, 2 ** 31 - 1)).unref();
    }
  }

  function soon(): void {
    if (isClosed) return;
    isAsked = true;
    wake();
    running ??= untraced(runOnce).finally(() => {
      running = null;
      // Another run was asked for while this one was ending.
      if (isAsked && failuresInARow === 0 && performance.now() >= notBefore) soon();
    });
  }

  const settle = async (withinMs?: number) => {
    if (running === null) return;
    await (withinMs === undefined ? running : inTime(running, withinMs)).catch(() => {});
  };

  return {
    soon,
    settle,
    run: (withinMs) => {
      soon();
      return settle(withinMs);
    },
    forget: () => forgetDelivered(services),
    counts: () => ({ running: inFlight.size, waiting: 0 }),
    queued: () => queued,
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      wake();
      await settle(CLOSED_WITHIN_MS);
      stopping.abort();
      await settle(CLOSED_WITHIN_MS);
    },
  };
}

/**
 * Delivery where requests may share nothing and there are no timers (Cloudflare Workers): each change begins its own
 * run.
 */
export function createSeparateDeliveries(services: DeliveryServices): WebhookDelivery {
  const runs = new Set<Promise<void>>();
  const run = (withinMs?: number) => createWebhookDelivery(services).run(withinMs);
  return {
    run,
    soon: () => {
      const begun = run().finally(() => runs.delete(begun));
      runs.add(begun);
    },
    settle: async (withinMs) => void (await inTime(Promise.all(runs), withinMs).catch(() => {})),
    forget: () => forgetDelivered(services),
    counts: () => ({ running: runs.size, waiting: 0 }),
    queued: () => null,
    close: async () => {},
  };
}

async function forgetDelivered({ webhookQueries }: Pick<DeliveryServices, 'webhookQueries'>): Promise<number> {
  let forgotten = 0;
  for (let last = FORGET_BATCH; last === FORGET_BATCH; forgotten += last) {
    last = await webhookQueries.forget(KEPT_DAYS, FORGET_BATCH);
  }
  return forgotten;
}
