import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import type { RunningServer } from '../http/start-server.ts';
import { joinMetrics, keepCounters } from '../telemetry/join-metrics.ts';
import { serveMetrics } from './serve-metrics.ts';
import { type FromProcess, PLACE_VARIABLE, type Place, type ToProcess } from './service-process.ts';

/** A process that ends so soon after its start counts as one that cannot run. */
const LIVED_MS = 60_000;
/** How often in a row a process may do so, before the whole service ends. */
const MOST_FAILURES = 5;
/** The pause before the second replacement in a row, doubled each time; the first one has none. */
const FIRST_PAUSE_MS = 500;

/** How long a process may take to tell its metrics; then its last ones count. */
const METRICS_WITHIN_MS = 2_000;
/** Prometheus documentation, "Exposition formats". */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Options = {
  config: Pick<Config, 'server'>;
  logger: Logger;
  /** The environment of the processes: undefined for a variable that only this process has. */
  env: Readonly<Record<string, string | undefined>>;
  /** Called once, when the first process serves. */
  onServing: (port: number) => Promise<void>;
  /** Resolves with the signal to stop. */
  signalled: Promise<string>;
  /** Calls the listener at each signal to restart. */
  onRestart: (listener: () => void) => void;
};

/** A process, from its start to its end. */
type Kept = {
  number: number;
  worker: Worker;
  startedAt: number;
  /** Resolves with its port when it serves; null if it has ended before. */
  serves: Promise<number | null>;
  ended: Promise<void>;
  /** Whether it was asked to end. */
  isLeaving: boolean;
  /** The process that is started in its place. */
  successor: Kept | null;
  /** As it last told them. */
  metrics: string;
};

/**
 * Serves one port by several processes, until the signal to stop. Connections go to each in turn.
 *
 * A process that ends is replaced. At a signal to restart, each gets a successor, one after the other: when the
 * successor serves, the predecessor gets no new connections and answers the requests of its own ones. If the successor
 * does not start, the restart ends, and the others stay as they are.
 * @throws {Error} if the first process does not start, or if one ends again and again.
 */
export async function keepProcesses({ config, logger, env, onServing, signalled, onRestart }: Options): Promise<void> {
  const { host, port, metricsPort, processes } = config.server;
  const place = { processes, host, port, hasMetrics: metricsPort !== null };
  const all = new Set<Kept>();
  /** The counters of processes that have ended. */
  let countedBefore = '';
  let isStopping = false;
  let giveUp: (error: unknown) => void = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  givenUp.catch(() => {});
  cluster.schedulingPolicy = cluster.SCHED_RR;

  /** @param isFirst whether no other process serves. */
  function start(number: number, isFirst = false): Kept {
    const text = JSON.stringify({ ...place, number, isFirst } satisfies Place);
    const worker = cluster.fork({ ...env, [PLACE_VARIABLE]: text });
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
      worker.on('error', (err) => {
        logger.error({ err, process: number }, 'a process failed');
        // Where the system makes no process (EAGAIN), there is no exit either.
        if (worker.process.pid === undefined) resolve();
      });
    });
    const serves = Promise.race([
      new Promise<number>((resolve) => {
        worker.on('message', (message: FromProcess) => 'port' in message && resolve(message.port));
      }),
      ended.then(() => null),
    ]);
    const startedAt = performance.now();
    const kept: Kept = { number, worker, ended, serves, startedAt, isLeaving: false, successor: null, metrics: '' };
    all.add(kept);
    worker.on('message', (message: FromProcess) => {
      if ('metrics' in message) {
        kept.metrics = message.metrics;
        return;
      }
      logger.info({ process: number, pid: worker.process.pid }, 'a process serves');
      // What was sent to it before, it may not have heard.
      if (isStopping) leave(kept, 'stop');
    });
    void ended.then(() => {
      all.delete(kept);
      countedBefore = joinMetrics([countedBefore, keepCounters(kept.metrics)]);
    });
    return kept;
  }

  /** Replaces the process whenever it ends without having been asked to. */
  async function keep(first: Kept): Promise<void> {
    let failures = 0;
    for (let kept = first; ; kept = start(kept.number)) {
      await kept.ended;
      if (kept.isLeaving || isStopping) return;
      failures = performance.now() - kept.startedAt < LIVED_MS ? failures + 1 : 1;
      const { number, worker } = kept;
      const { pid, exitCode, signalCode: signal } = worker.process;
      logger.error({ process: number, pid, exitCode, signal, failures }, 'a process has ended, and is replaced');
      if (failures === MOST_FAILURES) {
        giveUp(new Error(`process ${number} ended ${failures} times in a row, each time soon after its start`));
        return;
      }
      if (failures > 1) await sleep(FIRST_PAUSE_MS * 2 ** (failures - 2));
      const isSucceeded = kept.successor !== null && (await kept.successor.serves) !== null;
      if (isSucceeded || isStopping) return;
    }
  }

  async function replaceAll(): Promise<void> {
    const these = [...all].filter(({ isLeaving }) => !isLeaving).sort((a, b) => a.number - b.number);
    for (const old of these) {
      if (isStopping) return;
      const next = start(old.number);
      old.successor = next;
      if ((await next.serves) === null) {
        old.successor = null;
        if (!isStopping) logger.error({ process: old.number }, 'the restart ends here: the new process did not start');
        return;
      }
      void keep(next).catch(giveUp);
      leave(old, 'replace');
      await old.ended;
    }
    logger.info({ processes }, 'restarted');
  }

  function stopAll(): void {
    isStopping = true;
    for (const kept of all) leave(kept, 'stop');
  }

  async function readMetrics() {
    const askOne = async ({ worker }: Kept) => {
      const told = once(worker, 'message', { signal: AbortSignal.timeout(METRICS_WITHIN_MS) });
      send(worker, 'metrics');
      await told.catch(() => {});
    };
    await Promise.all([...all].filter(({ metrics }) => metrics !== '').map(askOne));
    const text = joinMetrics([countedBefore, ...[...all].map(({ metrics }) => metrics)]);
    return { contentType: METRICS_TYPE, text };
  }

  void signalled.then(stopAll);
  let metricsServer: RunningServer | null = null;
  try {
    const first = start(1, true);
    const servedPort = await first.serves;
    if (servedPort === null && !isStopping) throw new Error('process 1 did not start; its own error is above');
    if (servedPort === null || isStopping) return;
    void keep(first).catch(giveUp);
    for (let number = 2; number <= processes; number++) void keep(start(number)).catch(giveUp);
    metricsServer = await serveMetrics({ config, logger, metrics: { text: readMetrics } });
    onRestart(oneByOne(() => replaceAll().catch(giveUp)));
    await onServing(servedPort);
    await Promise.race([signalled, givenUp]);
  } finally {
    stopAll();
    await Promise.all([...all].map(({ ended }) => ended));
    await metricsServer?.stop();
  }
}

/** Runs the task. If it is called meanwhile, the task runs once more afterwards. */
function oneByOne(task: () => Promise<void>): () => Promise<void> {
  let isRunning = false;
  let isAsked = false;
  return async () => {
    isAsked = true;
    if (isRunning) return;
    isRunning = true;
    while (isAsked) {
      isAsked = false;
      await task();
    }
    isRunning = false;
  };
}

function leave(kept: Kept, why: 'stop' | 'replace'): void {
  kept.isLeaving = true;
  send(kept.worker, why);
}

/** Sends nothing to a process that has just ended. */
function send(worker: Worker, message: ToProcess): void {
  if (worker.isConnected()) worker.send(message, () => {});
}
