/**
 * Runs the task for each item, `limit` of them at the same time. After a failure no further one begins.
 * @throws what the first task threw, when those that were running have ended.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  // A loop that throws closes the generator: then the other loops end as well.
  const rest = (function* () {
    yield* items;
  })();
  const work = async () => {
    for (const item of rest) await task(item);
  };
  const workers = Array.from({ length: limit }, work);
  await Promise.all(workers).finally(() => Promise.allSettled(workers));
}
