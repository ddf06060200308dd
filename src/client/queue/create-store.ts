import { tellApp } from '../tell-app.ts';

/** Snapshots that never change, and a call for each new one: what React's `useSyncExternalStore` reads. */
export type Store<Snapshot> = {
  /** Calls the listener after changes, at most every 50 ms while bytes are sent. Returns a function that ends that. */
  subscribe: (listener: () => void) => () => void;
  /** The same object as long as nothing has changed. */
  getSnapshot: () => Snapshot;
};

/** How long progress may wait for its listeners: 20 times a second is smooth. */
export const PROGRESS_MS = 50;

/**
 * A store whose snapshot is built when it is read, so that a thousand changes between two readings cost one.
 * @param build makes the snapshot; it may return the previous one if nothing has changed.
 */
export function createStore<Snapshot>(build: (previous: Snapshot | null) => Snapshot) {
  const listeners = new Set<() => void>();
  let snapshot: Snapshot | null = null;
  let isStale = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isUrgent = false;

  const tell = () => {
    clearTimeout(timer);
    timer = undefined;
    isUrgent = false;
    for (const listener of [...listeners]) tellApp(listener);
  };

  return {
    subscribe: (listener: () => void) => {
      // Wrapped, because the same function may be subscribed twice.
      const call = () => listener();
      listeners.add(call);
      return () => void listeners.delete(call);
    },
    getSnapshot: (): Snapshot => {
      if (isStale || snapshot === null) {
        isStale = false;
        snapshot = build(snapshot);
      }
      return snapshot;
    },
    /** Tells the listeners within `delayMs`; without it, as soon as the running code has ended. */
    changed: (delayMs?: number): void => {
      isStale = true;
      if (isUrgent) return;
      if (delayMs !== undefined) {
        timer ??= setTimeout(tell, delayMs);
        return;
      }
      isUrgent = true;
      queueMicrotask(tell);
    },
  };
}
