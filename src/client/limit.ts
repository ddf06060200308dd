export type Limit = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** Runs at most `max` tasks at once, but at least one; the others wait in order of arrival. */
export function createLimit(max: number): Limit {
  let free = max || 1;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
