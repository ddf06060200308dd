/** A sweep, or a confirmation's note in the bucket, that must not be: `message` says why, for whoever operates it. */
export class SweepRefused extends Error {
  override name = 'SweepRefused';
}

/** Whether sweeps are refused: for metrics, and to say so once an hour and not every time. */
export type SweeperHealth = {
  /** How often, since the start. */
  refusals: number;
  /** The last one, while nothing has gone well since; null when all is well, or nothing was tried yet. */
  refused: { reason: string; since: Date } | null;
  /** When it was last said, by a monotonic clock. */
  saidAtMs: number;
};

const SAID_AGAIN_MS = 3_600_000;

export function createSweeperHealth(): SweeperHealth {
  return { refusals: 0, refused: null, saidAtMs: Number.NEGATIVE_INFINITY };
}

/** @returns whether to say so now: it is new, or was last said an hour ago. */
export function noteRefusal(health: SweeperHealth, { message: reason }: SweepRefused, at: Date): boolean {
  const isNew = health.refused?.reason !== reason;
  health.refusals++;
  health.refused = { reason, since: health.refused?.since ?? at };
  if (!isNew && performance.now() - health.saidAtMs < SAID_AGAIN_MS) return false;
  health.saidAtMs = performance.now();
  return true;
}

export function noteSuccess(health: SweeperHealth): void {
  health.refused = null;
}
