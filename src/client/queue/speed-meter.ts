const WINDOW_MS = 4_000;

/**
 * Bytes per second over the last four seconds.
 * @returns a function that takes the total bytes sent and the time; it returns null during the first second.
 */
export function createSpeedMeter(): (sentBytes: number, nowMs: number) => number | null {
  let samples: { sentBytes: number; atMs: number }[] = [];
  return (sentBytes, nowMs) => {
    // Bytes are sent again, so earlier samples are useless.
    if (sentBytes < (samples.at(-1)?.sentBytes ?? 0)) samples = [];
    samples = samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    samples.push({ sentBytes, atMs: nowMs });
    const first = samples[0];
    if (first === undefined || nowMs - first.atMs < 1_000) return null;
    return ((sentBytes - first.sentBytes) / (nowMs - first.atMs)) * 1000;
  };
}
