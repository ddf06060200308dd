import { describe, expect, it } from 'vitest';
import { inParallel } from '../../src/net/in-parallel.ts';

describe('tasks in parallel', () => {
  it('run for each item, as many at the same time as the limit says', async () => {
    const done: number[] = [];
    let running = 0;
    let most = 0;
    await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      done.push(item);
    });
    expect({ done: done.sort(), most }).toEqual({ done: [1, 2, 3, 4, 5], most: 2 });
    await expect(inParallel([], 2, () => Promise.reject(new Error('there is none')))).resolves.toBeUndefined();
  });

  it('begin no further one after a failure, and wait for those that run', async () => {
    const ended: number[] = [];
    let goOn = () => {};
    const slow = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const all = inParallel([1, 2, 3, 4], 2, async (item) => {
      if (item === 2) throw new Error('the second fails');
      await slow;
      ended.push(item);
    });
    let isOver = false;
    const outcome = all.catch((error: unknown) => {
      isOver = true;
      return error;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    goOn();
    expect(await outcome).toMatchObject({ message: 'the second fails' });
    expect(ended).toEqual([1]);
  });
});
