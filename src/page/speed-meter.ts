const WINDOW_MS = 4_000;

/**
 * Bytes per second over the last four seconds.
 * @returns a function that is told how many bytes have gone out in all, and when; null before there is a second to
 * measure.
 */
export function createSpeedMeter(): (sentBytes: number, nowMs: number) => number | null {
  let samples: { sentBytes: number; atMs: number }[] = [];
  return (sentBytes, nowMs) => {
    // Something is sent again: what was measured before is no measure any more.
    if (sentBytes < (samples.at(-1)?.sentBytes ?? 0)) samples = [];
    samples = samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    samples.push({ sentBytes, atMs: nowMs });
    const first = samples[0];
    if (first === undefined || nowMs - first.atMs < 1_000) return null;
    return ((sentBytes - first.sentBytes) / (nowMs - first.atMs)) * 1000;
  };
}
