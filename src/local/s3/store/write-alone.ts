import type { Store } from './store.ts';

/** Runs `action` after all earlier ones on the same path have ended; returns its result. */
export async function writeAlone<Result>(store: Store, path: string, action: () => Promise<Result>): Promise<Result> {
  const before = store.writers.get(path) ?? Promise.resolve();
  const mine = before.then(action, action);
  store.writers.set(path, mine);
  try {
    return await mine;
  } finally {
    if (store.writers.get(path) === mine) store.writers.delete(path);
  }
}
