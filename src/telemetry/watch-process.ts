import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Metrics } from './create-metrics.ts';

/** How often the delay of the event loop is measured. */
const RESOLUTION_MS = 20;

/**
 * Adds CPU time, memory and the event loop of this process.
 * @returns a function that ends the measuring.
 */
export function watchProcess(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // The time between two measurements: what is beyond the resolution is delay.
  const toSeconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
  metrics.watch('process_start_time_seconds', () => performance.timeOrigin / 1e3);
  metrics.watch('process_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.watch('process_resident_memory_bytes', () => process.memoryUsage.rss());
  metrics.watch('nodejs_heap_size_used_bytes', () => process.memoryUsage().heapUsed);
  metrics.watch('nodejs_eventloop_lag_p99_seconds', () => (delay.count === 0 ? 0 : toSeconds(delay.percentile(99))));
  // Read after the percentile, as in the table.
  metrics.watch('nodejs_eventloop_lag_max_seconds', () => {
    const seconds = delay.count === 0 ? 0 : toSeconds(delay.max);
    delay.reset();
    return seconds;
  });
  metrics.watch('nodejs_eventloop_active_seconds_total', () => performance.eventLoopUtilization().active / 1e3);
  metrics.watch('nodejs_eventloop_idle_seconds_total', () => performance.eventLoopUtilization().idle / 1e3);
  return () => delay.disable();
}
