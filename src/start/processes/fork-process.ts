import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '../../contract/logger.ts';
import { isFromProcess, PLACE_VARIABLE, type Place, type ToProcess } from './service-process.ts';

/** One of several processes, from its start to its end. */
export type ForkedProcess = {
  number: number;
  worker: Worker;
  startedAt: number;
  /** Resolves with its port when it serves; null if it has ended before. */
  serves: Promise<number | null>;
  ended: Promise<void>;
};

/** The environment of the processes: undefined for a variable that only this process has. */
export type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

/** Starts a process in this place. */
export function forkProcess(place: Place, env: ProcessEnvironment, logger: Logger): ForkedProcess {
  const { number } = place;
  const worker = cluster.fork({ ...env, [PLACE_VARIABLE]: JSON.stringify(place) });
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
    worker.on('error', (err) => {
      logger.error({ err, process: number }, 'a process failed');
      // Where the system makes no process (EAGAIN), there is no exit either.
      if (worker.process.pid === undefined) resolve();
    });
  });
  const serves = new Promise<number | null>((resolve) => {
    worker.on('message', (message: unknown) => {
      if (!isFromProcess(message) || !('port' in message)) return;
      logger.info({ process: number, pid: worker.process.pid }, 'a process serves');
      resolve(message.port);
    });
    void ended.then(() => resolve(null));
  });
  return { number, worker, startedAt: performance.now(), serves, ended };
}

/** Sends nothing to a process that has just ended. */
export function tellProcess(worker: Worker, message: ToProcess): void {
  if (worker.isConnected()) worker.send(message, () => {});
}
