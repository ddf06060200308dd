import type { QueueItem, QueueStatus, QueueTotals } from './queue-item.ts';
import { createSpeedMeter } from './speed-meter.ts';

type Group = 'waiting' | 'running' | 'paused' | 'done' | 'failed';

const GROUPS: Record<QueueStatus, Group> = {
  waiting: 'waiting',
  paused: 'paused',
  done: 'done',
  failed: 'failed',
  preparing: 'running',
  uploading: 'running',
  retrying: 'running',
  offline: 'running',
  confirming: 'running',
};

/** Adds up the files of a queue as they change, so that a thousand of them cost no more than one. */
export function createQueueTotals(now: () => number) {
  const counts = { files: 0, waiting: 0, running: 0, paused: 0, done: 0, failed: 0 };
  const bytes = { sent: 0, total: 0, paused: 0 };
  let movedBytes = 0;
  let meter = createSpeedMeter();

  const add = (item: QueueItem, sign: 1 | -1) => {
    counts.files += sign;
    counts[GROUPS[item.status]] += sign;
    if (item.status === 'failed') return;
    bytes.sent += sign * item.sentBytes;
    bytes.total += sign * item.totalBytes;
    if (item.status === 'paused') bytes.paused += sign * (item.totalBytes - item.sentBytes);
  };

  return {
    /** null before a file is there, or when it is gone. */
    change: (before: QueueItem | null, after: QueueItem | null): void => {
      if (before !== null) add(before, -1);
      if (after !== null) add(after, 1);
      // What an earlier upload had sent is reported before anything is sent.
      if (before && after && before.status !== 'preparing')
        movedBytes += Math.max(0, after.sentBytes - before.sentBytes);
    },
    read: (): QueueTotals => {
      if (counts.running === 0) meter = createSpeedMeter();
      const bytesPerSecond = counts.running === 0 ? null : meter(movedBytes, now()) || null;
      const { sent, total, paused } = bytes;
      const secondsLeft = bytesPerSecond === null ? null : (total - sent - paused) / bytesPerSecond;
      return { ...counts, sentBytes: sent, totalBytes: total, bytesPerSecond, secondsLeft };
    },
  };
}
