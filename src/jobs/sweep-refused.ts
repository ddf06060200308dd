/** A sweep, or a renewal of the marker, that must not happen; `message` tells the operator why. */
export class SweepRefused extends Error {
  override name = 'SweepRefused';
}

/** What this instance knows of the sweeps: for metrics, and to log a refusal only once an hour. */
export type SweeperHealth = {
  /** The number of refusals since the start. */
  refusals: number;
  /** The last refusal; null after a success, or before the first attempt. */
  refused: { reason: string; since: Date } | null;
  /** When it was last logged, by a monotonic clock. */
  saidAtMs: number;
  /** When a sweep last finished, here or, as far as this instance has seen, elsewhere; null if it has seen none. */
  finishedAt: Date | null;
};

const SAID_AGAIN_MS = 3_600_000;

export function createSweeperHealth(): SweeperHealth {
  return { refusals: 0, refused: null, saidAtMs: Number.NEGATIVE_INFINITY, finishedAt: null };
}

/** @returns whether to log it now: it is new, or was last logged an hour ago. */
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
