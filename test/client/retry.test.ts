import { describe, expect, it, vi } from 'vitest';
import { retry, sleep } from '../../src/client/retry.ts';
import { networkError, SignpostError } from '../../src/client/signpost-error.ts';

const failure = (details: { retryable?: boolean; retryAfterSeconds?: number } = {}) =>
  new SignpostError({ code: 'rate-limited', status: 429, detail: 'slowly', retryable: true, ...details });

/** Fails with each of the failures, then succeeds. */
async function run(
  failures: SignpostError[],
  {
    random = 1,
    maxAttempts = 20,
    giveUpAfterMs,
  }: { random?: number; maxAttempts?: number; giveUpAfterMs?: number } = {},
) {
  let nowMs = 0;
  const delaysMs: number[] = [];
  const left = [...failures];
  const attempt = async () => {
    const error = left.shift();
    if (error) throw error;
    return 'done';
  };
  const policy = {
    maxAttempts,
    giveUpAfterMs,
    random: () => random,
    now: () => nowMs,
    sleep: async (delayMs: number) => {
      delaysMs.push(delayMs);
      nowMs += delayMs;
    },
  };
  const outcome = await retry(attempt, policy, new AbortController().signal).catch((error: unknown) => error);
  return { outcome, delaysMs };
}

describe('retry', () => {
  it('doubles the longest delay from half a second up to half a minute', async () => {
    const { outcome, delaysMs } = await run(Array.from({ length: 8 }, () => failure()));
    expect(outcome).toBe('done');
    expect(delaysMs).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('waits a random part of that', async () => {
    expect((await run([failure(), failure()], { random: 0 })).delaysMs).toEqual([0, 0]);
    expect((await run([failure(), failure()], { random: 0.5 })).delaysMs).toEqual([250, 500]);
  });

  it('never tries earlier than the server asked', async () => {
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

  it('does not repeat a request that would fail again', async () => {
    const final = failure({ retryable: false });
    expect(await run([final])).toEqual({ outcome: final, delaysMs: [] });
  });
});

describe('retry without a connection', () => {
  const lost = (wasReached = true) => networkError(undefined, wasReached);

  it('waits for a server that has answered before, until the time limit', async () => {
    const { outcome, delaysMs } = await run(
      Array.from({ length: 50 }, () => lost()),
      { maxAttempts: 3, giveUpAfterMs: 3_600_000 },
    );
    expect(outcome).toBe('done');
    expect(delaysMs).toHaveLength(50);
    const hopeless = Array.from({ length: 500 }, () => lost());
    const long = await run(hopeless, { maxAttempts: 3, giveUpAfterMs: 3_600_000 });
    expect(long.outcome).toMatchObject({ code: 'network-error', wasReached: true });
    const waited = long.delaysMs.reduce((sum, each) => sum + each, 0);
    expect(waited).toBeGreaterThanOrEqual(3_600_000);
    expect(waited).toBeLessThan(3_600_000 + 30_001);
  });

  it('counts the attempts of one that never answered: its address may be wrong', async () => {
    const failures = Array.from({ length: 5 }, () => lost(false));
    const { outcome, delaysMs } = await run(failures, { maxAttempts: 3, giveUpAfterMs: 3_600_000 });
    expect(outcome).toMatchObject({ code: 'network-error', wasReached: false });
    expect(delaysMs).toHaveLength(2);
  });

  it('counts refusals separately', async () => {
    const { outcome } = await run([lost(), failure(), lost(), failure(), lost()], {
      maxAttempts: 3,
      giveUpAfterMs: 9e9,
    });
    expect(outcome).toBe('done');
  });
});

describe('sleep', () => {
  it('ends when the browser is online again', async () => {
    const page = new EventTarget();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    const sleeping = sleep(3_600_000, new AbortController().signal);
    page.dispatchEvent(new Event('online'));
    await expect(sleeping).resolves.toBeUndefined();
    vi.unstubAllGlobals();
  });

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
