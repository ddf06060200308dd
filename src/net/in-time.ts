/** Rejects after `withinMs`; a later result is discarded. */
export function inTime<T>(promise: Promise<T>, withinMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
