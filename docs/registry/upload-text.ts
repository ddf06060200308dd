import type { QueueItem } from 'signpost/queue';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/** `1 byte`, `48.2 kB`, `300 MB`. */
export function formatBytes(bytes: number): string {
  const index = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** index;
  const options = { style: 'unit', unit: UNITS[index], unitDisplay: index === 0 ? 'long' : 'short' } as const;
  return new Intl.NumberFormat('en', { ...options, maximumFractionDigits: value < 100 ? 1 : 0 }).format(value);
}

/** What a user reads about a file on its way. */
export function describeUpload({ status, sentBytes, totalBytes, error, needs }: QueueItem): string {
  const sent = `${formatBytes(sentBytes)} of ${formatBytes(totalBytes)}`;
  switch (status) {
    case 'waiting':
      return `Waiting · ${formatBytes(totalBytes)}`;
    case 'preparing':
      return 'Being prepared …';
    case 'uploading':
      return sent;
    case 'retrying':
      return `${sent} · trying again …`;
    case 'offline':
      return `${sent} · waits for the network`;
    case 'paused':
      return needs === 'file' ? 'Add this file again to continue' : `Paused · ${sent}`;
    case 'confirming':
      return 'Being verified …';
    case 'done':
      return `Uploaded · ${formatBytes(totalBytes)}`;
    case 'failed':
      return error instanceof Error ? error.message : 'It could not be uploaded.';
  }
}
