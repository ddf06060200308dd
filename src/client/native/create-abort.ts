/**
 * An `AbortController` whose signal has `reason` and `throwIfAborted` (the DOM standard, section 3.2), which the one of
 * React Native lacks.
 */
export function createAbort(): AbortController {
  const controller = new AbortController();
  const { signal } = controller;
  if (typeof signal.throwIfAborted === 'function') return controller;
  let reason: unknown;
  Object.defineProperty(signal, 'reason', { get: () => reason });
  Object.defineProperty(signal, 'throwIfAborted', {
    value: () => {
      if (signal.aborted) throw reason;
    },
  });
  return {
    signal,
    abort: (given: unknown = abortError()) => {
      if (!signal.aborted) reason = given;
      controller.abort();
    },
  };
}

/** What an aborted upload rejects with. React Native has no `DOMException`. */
export function abortError(): Error {
  return Object.assign(new Error('the upload was aborted'), { name: 'AbortError' });
}
