import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { joinMetrics, keepCounters } from '../../telemetry/join-metrics.ts';
import { type ForkedProcess, tellProcess } from './fork-process.ts';
import { isFromProcess } from './service-process.ts';

/** How long a process may take to tell its metrics; then its last ones count. */
const WITHIN_MS = 2_000;

/** Prometheus documentation, "Exposition formats". */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The metrics of all processes together. What one has counted still counts after it has ended. */
export function gatherMetrics() {
  /** As each process that runs has last told them. */
  const told = new Map<Worker, string>();
  let countedBefore = '';

  const ask = async (worker: Worker): Promise<void> => {
    const answer = once(worker, 'message', { signal: AbortSignal.timeout(WITHIN_MS) });
    tellProcess(worker, 'metrics');
    await answer.catch(() => {});
  };

  return {
    of({ worker, ended }: ForkedProcess): void {
      worker.on('message', (message: unknown) => {
        if (isFromProcess(message) && 'metrics' in message) told.set(worker, message.metrics);
      });
      void ended.then(() => {
        countedBefore = joinMetrics([countedBefore, keepCounters(told.get(worker) ?? '')]);
        told.delete(worker);
      });
    },
    async text(): Promise<{ contentType: string; text: string }> {
      await Promise.all([...told.keys()].map(ask));
      return { contentType: CONTENT_TYPE, text: joinMetrics([countedBefore, ...told.values()]) };
    },
  };
}
