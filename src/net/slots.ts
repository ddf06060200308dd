import type { Problem } from '../contract/errors.ts';

/** A place to run in; call it once to give the place back. Further calls do nothing. */
export type Release = () => void;

/** Limits how many tasks run at the same time. */
export type Slots = {
  /**
   * Waits for a place, in order of asking, but callers without a place come first. `by` is the user; a user gets at
   * most `perUser` places.
   * @throws {Problem} made by `refuse`, if no place is free within `waitMs`.
   */
  take(by: string): Promise<Release>;
  /** Runs the task in a place of its own. */
  run<T>(by: string, task: () => Promise<T>): Promise<T>;
  /** How many places are taken, and how many callers wait for one. */
  counts(): { running: number; waiting: number };
};

type Waiting = { by: string; start: () => void };

/**
 * @param inAll how many places there are.
 * @param perUser how many of them one user may have. Default: all.
 * @param waitMs how long a caller waits for a place. Default 0.
 * @param refuse makes the error for a caller without a place; `isUserLimit` if the caller has `perUser` places already.
 */
export function createSlots({
  inAll,
  perUser = inAll,
  waitMs = 0,
  refuse,
}: {
  inAll: number;
  perUser?: number;
  waitMs?: number;
  refuse: (isUserLimit: boolean) => Problem;
}): Slots {
  const taken = new Map<string, number>();
  const waiting = new Set<Waiting>();
  let running = 0;

  const countOf = (by: string) => taken.get(by) ?? 0;
  const isFree = (by: string) => running < inAll && countOf(by) < perUser;

  function start(by: string): Release {
    running++;
    taken.set(by, countOf(by) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      running--;
      if (countOf(by) === 1) taken.delete(by);
      else taken.set(by, countOf(by) - 1);
      startNext();
    };
  }

  function startNext(): void {
    const free = [...waiting].filter(({ by }) => isFree(by));
    const next = free.find(({ by }) => countOf(by) === 0) ?? free[0];
    if (next === undefined) return;
    waiting.delete(next);
    next.start();
  }

  function take(by: string): Promise<Release> {
    if (isFree(by)) return Promise.resolve(start(by));
    const refused = () => refuse(countOf(by) >= perUser);
    if (waitMs === 0) return Promise.reject(refused());
    return new Promise((resolve, reject) => {
      const place: Waiting = {
        by,
        start: () => {
          clearTimeout(timer);
          resolve(start(by));
        },
      };
      const timer = setTimeout(() => {
        waiting.delete(place);
        reject(refused());
      }, waitMs);
      waiting.add(place);
    });
  }

  return {
    take,
    counts: () => ({ running, waiting: waiting.size }),
    run: async (by, task) => {
      const release = await take(by);
      try {
        return await task();
      } finally {
        release();
      }
    },
  };
}
