import { describe, expect, it } from 'vitest';
import { busy, Problem } from '../../src/contract/errors.ts';
import { createSlots } from '../../src/net/slots.ts';

const refuse = (isUserLimit: boolean) => (isUserLimit ? new Problem('rate-limited', 'own') : busy('all'));

describe('slots', () => {
  it('distinguish a user with too many places from one who finds none free', async () => {
    const slots = createSlots({ inAll: 3, perUser: 2, refuse });
    await slots.take('a');
    const release = await slots.take('a');
    await expect(slots.take('a')).rejects.toMatchObject({ code: 'rate-limited' });
    await slots.take('b');
    await expect(slots.take('c')).rejects.toMatchObject({ code: 'storage-unavailable' });
    release();
    release();
    await slots.take('c');
    await expect(slots.take('c')).rejects.toMatchObject({ code: 'storage-unavailable' });
  });

  it('give the next place to a user without one', async () => {
    const slots = createSlots({ inAll: 2, waitMs: 10_000, refuse });
    const order: string[] = [];
    const releases = [await slots.take('a'), await slots.take('a')];
    const waiting = ['a', 'a', 'b'].map((by) =>
      slots.take(by).then((release) => {
        order.push(by);
        releases.push(release);
      }),
    );
    releases.shift()?.();
    await waiting[2];
    expect(order).toEqual(['b']);
    for (let n = 0; n < 4; n++) {
      releases.shift()?.();
      await Promise.resolve();
    }
    await Promise.all(waiting);
    expect(order).toEqual(['b', 'a', 'a']);
  });

  it('return a place when the task fails, and refuse a caller who waited too long', async () => {
    const slots = createSlots({ inAll: 1, waitMs: 20, refuse });
    await expect(slots.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const release = await slots.take('a');
    await expect(slots.take('b')).rejects.toMatchObject({ code: 'storage-unavailable' });
    release();
    await slots.take('c');
  });
});
