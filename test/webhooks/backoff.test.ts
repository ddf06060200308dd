import { describe, expect, it } from 'vitest';
import { pauseAfter, probeAfter, readRetryAfter } from '../../src/webhooks/backoff.ts';

describe('pauseAfter', () => {
  it('doubles from 10 seconds to 6 hours, and ends after three days', () => {
    const pauses: number[] = [];
    for (let failures = 1; ; failures++) {
      const pause = pauseAfter(failures, 0.5);
      if (pause === null) break;
      pauses.push(pause);
    }
    expect(pauses.slice(0, 4)).toEqual([10, 20, 40, 80]);
    expect(pauses.at(-1)).toBe(6 * 3600);
    const days = pauses.reduce((sum, pause) => sum + pause, 0) / 86_400;
    expect(days).toBeCloseTo(3, 1);
  });

  it('is a quarter more or less at random', () => {
    expect([pauseAfter(1, 0), pauseAfter(1, 1)]).toEqual([7.5, 12.5]);
  });
});

describe('probeAfter', () => {
  it('doubles from 5 seconds to 5 minutes', () => {
    expect([1, 2, 3, 7, 100].map((runs) => probeAfter(runs, 0.5))).toEqual([5, 10, 20, 300, 300]);
  });
});

describe('readRetryAfter', () => {
  const now = new Date('2026-11-27T10:00:00Z');

  it.each([
    ['120', 120],
    ['0', 0],
    ['Fri, 27 Nov 2026 10:02:00 GMT', 120],
    ['Fri, 27 Nov 2026 09:00:00 GMT', 0],
    ['999999999999', 86_400],
    ['Fri, 27 Nov 2036 09:00:00 GMT', 86_400],
    ['-5', 0],
    ['soon', 0],
    ['', 0],
    [null, 0],
  ])('reads %s as %s seconds', (value, seconds) => {
    expect(readRetryAfter(value, now)).toBe(seconds);
  });
});
