const WINDOW_MS = 8_000;
/** Earlier, the speed would be that of the system's buffers. */
const MIN_MS = 3_000;

/**
 * Bytes per second over the last eight seconds.
 * @returns a function that takes the total bytes sent and the time; it returns null during the first three seconds.
 */
export function createSpeedMeter(): (sentBytes: number, nowMs: number) => number | null {
  let samples: [sentBytes: number, atMs: number][] = [];
  return (sentBytes, nowMs) => {
    // Bytes are sent again, so earlier samples are useless.
    if (samples.some(([earlier]) => earlier > sentBytes)) samples = [];
    samples = [...samples.filter(([, atMs]) => nowMs - atMs <= WINDOW_MS), [sentBytes, nowMs]];
    const [[firstBytes, firstMs] = [sentBytes, nowMs]] = samples;
    const passedMs = nowMs - firstMs;
    return passedMs < MIN_MS ? null : ((sentBytes - firstBytes) / passedMs) * 1000;
  };
}
