import { describe, expect, it } from 'vitest';
import { retry, sleep } from '../../src/client/retry.ts';
import { SignpostError } from '../../src/client/signpost-error.ts';

const failure = (details: { retryable?: boolean; retryAfterSeconds?: number } = {}) =>
  new SignpostError({ code: 'rate-limited', status: 429, detail: 'slowly', retryable: true, ...details });

/** Fails with each of the failures, then succeeds. */
async function run(failures: SignpostError[], { random = 1, maxAttempts = 20 } = {}) {
  const delaysMs: number[] = [];
  const left = [...failures];
  const attempt = async () => {
    const error = left.shift();
    if (error) throw error;
    return 'done';
  };
  const policy = { maxAttempts, random: () => random, sleep: async (delayMs: number) => void delaysMs.push(delayMs) };
  const outcome = await retry(attempt, policy, new AbortController().signal).catch((error: unknown) => error);
  return { outcome, delaysMs };
}

describe('retry', () => {
  it('doubles the longest delay from half a second up to half a minute', async () => {
    const { outcome, delaysMs } = await run(Array.from({ length: 8 }, () => failure()));
    expect(outcome).toBe('done');
    expect(delaysMs).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('waits anything from nothing to that', async () => {
    expect((await run([failure(), failure()], { random: 0 })).delaysMs).toEqual([0, 0]);
    expect((await run([failure(), failure()], { random: 0.5 })).delaysMs).toEqual([250, 500]);
  });

  it('never tries sooner than the server asked', async () => {
    const { delaysMs } = await run([failure({ retryAfterSeconds: 40 }), failure({ retryAfterSeconds: 1 }), failure()]);
    expect(delaysMs).toEqual([40_000, 1000, 2000]);
  });

  it('waits ten minutes at most, whatever the server asked', async () => {
    const { delaysMs } = await run([
      failure({ retryAfterSeconds: 3600 }),
      failure({ retryAfterSeconds: 30 * 86_400 }),
      failure({ retryAfterSeconds: Number.POSITIVE_INFINITY }),
    ]);
    expect(delaysMs).toEqual([600_000, 600_000, 600_000]);
  });

  it('gives up after the last attempt, with its error', async () => {
    const last = failure();
    const { outcome, delaysMs } = await run([failure(), failure(), last], { maxAttempts: 3 });
    expect(outcome).toBe(last);
    expect(delaysMs).toHaveLength(2);
  });

  it('does not repeat what would fail again', async () => {
    const final = failure({ retryable: false });
    expect(await run([final])).toEqual({ outcome: final, delaysMs: [] });
  });
});

describe('sleep', () => {
  it('ends early with the reason of the signal', async () => {
    const controller = new AbortController();
    const sleeping = sleep(3_600_000, controller.signal);
    controller.abort('enough');
    await expect(sleeping).rejects.toBe('enough');
    await expect(sleep(3_600_000, controller.signal)).rejects.toBe('enough');
  });

  it('ends by itself', async () => {
    await expect(sleep(1, new AbortController().signal)).resolves.toBeUndefined();
  });
});
