import { createSpeedMeter } from '../src/client/queue/speed-meter.ts';
import { formatBytes, formatDuration, formatPercent } from '../src/page/format.ts';

const DRAW_EVERY_MS = 100;
const BAR_WIDTH = 24;

export type ProgressBar = { show: (bytes: number) => void; clear: () => void };

/**
 * One line on standard error that shows how far a transfer is: a bar, its share, speed and time left. Nothing if
 * standard error is not a terminal.
 */
export function createProgressBar(label: string, totalBytes: number): ProgressBar {
  if (process.stderr.isTTY !== true) return { show: () => {}, clear: () => {} };
  const speedOf = createSpeedMeter();
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    show: (bytes) => {
      const now = performance.now();
      const speed = speedOf(bytes, now);
      if (now - drawnAt < DRAW_EVERY_MS) return;
      drawnAt = now;
      // A terminal that does not know its width says 0.
      const line = `${bar(bytes, totalBytes)} ${facts(bytes, totalBytes, speed)}  ${label}`;
      process.stderr.write(`\r${line.slice(0, (process.stderr.columns || 80) - 1)}\x1b[K`);
    },
    clear: () => void process.stderr.write('\r\x1b[K'),
  };
}

function bar(bytes: number, totalBytes: number): string {
  const filled = totalBytes === 0 ? BAR_WIDTH : Math.floor((bytes / totalBytes) * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
}

function facts(bytes: number, totalBytes: number, bytesPerSecond: number | null): string {
  const done = `${formatPercent(bytes, totalBytes)} of ${formatBytes(totalBytes)}`;
  if (bytesPerSecond === null || bytesPerSecond <= 0) return done;
  return `${done}, ${formatBytes(bytesPerSecond)}/s, ${formatDuration((totalBytes - bytes) / bytesPerSecond)} left`;
}
