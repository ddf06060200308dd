import cluster from 'node:cluster';
import type { Config } from '../../config/config.ts';
import type { Logger } from '../../contract/logger.ts';
import type { RunningServer } from '../../http/start-server.ts';
import { serveMetrics } from '../serve-metrics.ts';
import { forkProcess, type ProcessEnvironment } from './fork-process.ts';
import { gatherMetrics } from './gather-metrics.ts';
import { superviseProcesses } from './supervise-processes.ts';

type Options = {
  config: Pick<Config, 'server'>;
  logger: Logger;
  env: ProcessEnvironment;
  /** Called once, when the first process serves. */
  onServing: (port: number) => Promise<void>;
  /** Resolves with the signal to stop. */
  signalled: Promise<string>;
  /** Calls the listener at each signal to restart. */
  onRestart: (listener: () => void) => void;
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
  const shared = { processes, host, port, hasMetrics: metricsPort !== null };
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const metrics = gatherMetrics();
  const supervisor = superviseProcesses((number, isFirst) => {
    const forked = forkProcess({ ...shared, number, isFirst }, env, logger);
    metrics.of(forked);
    return forked;
  }, logger);
  void signalled.then(supervisor.stop);
  let metricsServer: RunningServer | null = null;
  try {
    const servedPort = await supervisor.startAll(processes);
    if (servedPort === null) return;
    metricsServer = await serveMetrics({ config, logger, metrics });
    onRestart(supervisor.restart);
    await onServing(servedPort);
    await Promise.race([signalled, supervisor.failed]);
  } finally {
    supervisor.stop();
    await supervisor.untilEnded();
    await metricsServer?.stop();
  }
}
