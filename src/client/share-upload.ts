import type { OnSent } from './transfer.ts';
import type { SavedUpload } from './upload-memory.ts';

/** How often the sender sends its progress to the followers. */
const TELL_EVERY_MS = 200;
/** How long a follower waits for the last news before it sends: locks and messages may arrive in any order. */
const LAST_NEWS_MS = 200;
/** How long the sender repeats where the stored file is: a follower's tab may be asleep. */
const FAREWELL_MS = 3_000;

/** What the sender tells its followers. */
type News = {
  sentBytes: number;
  saved?: SavedUpload | undefined;
  /** Where and when the file was stored. An upload that starts later is another one. */
  stored?: { key: string; atMs: number } | undefined;
};

/** A follower's request for the news. */
const HELLO = 'hello';

/** The names that are held in this page, where the browser has no locks. */
const held = new Set<string>();

/** @returns a function that releases the name, or null if the name is held already. */
function hold(name: string, locks: LockManager | undefined): Promise<(() => void) | null> {
  if (locks === undefined) {
    if (held.has(name)) return Promise.resolve(null);
    held.add(name);
    return Promise.resolve(() => held.delete(name));
  }
  return new Promise((resolve) => {
    const take = (lock: Lock | null) => {
      if (lock === null) resolve(null);
      else return new Promise<void>((release) => resolve(release));
    };
    // A sandboxed page may not use locks: then it shares nothing.
    locks.request(name, { ifAvailable: true }, take).catch(() => resolve(() => {}));
  });
}

/**
 * One upload in several pages and workers of one origin: the sender holds a lock (Web Locks, section 3), the others
 * follow its progress (HTML, section 9.5 "Broadcasting to other browsing contexts"). When the sender is paused, fails
 * or is closed, the next one continues. Without locks, the first upload in this page sends, and none follows.
 * @param name of the lock and of the channel.
 * @param mayFollow whether this one may follow another sender.
 */
export function shareUpload(name: string, mayFollow: boolean) {
  const { locks } = globalThis.navigator ?? {};
  const canFollow = mayFollow && locks !== undefined && globalThis.BroadcastChannel !== undefined;
  let news: News = { sentBytes: 0 };
  let toldAtMs = 0;
  let release: (() => void) | null = null;
  let channel: BroadcastChannel | null = null;
  /** There is another sender that cannot be followed: this one sends the file as well, and is not remembered. */
  let isAlone = false;
  /** How many followers have come since the file was stored. */
  let late = 0;

  const count = async (): Promise<number> => {
    const { held = [], pending = [] } = (await locks?.query().catch(() => null)) ?? {};
    const named = [...pending, ...(release ? [] : held)].filter((lock) => lock.name === name);
    return named.length;
  };
  const say = () => {
    toldAtMs = performance.now();
    channel?.postMessage(news);
  };

  return {
    isAlone: () => isAlone,
    saved: () => news.saved ?? null,

    /** @returns whether this one is the sender now. Then it must `leave` afterwards; a second `leave` does nothing. */
    lead: async (): Promise<boolean> => {
      release ??= await hold(name, locks);
      if (release === null && canFollow) return false;
      isAlone = release === null;
      if (canFollow) {
        channel = new BroadcastChannel(name);
        channel.onmessage = ({ data }: MessageEvent<News | typeof HELLO>) => {
          if (data !== HELLO) return;
          if (news.stored) late++;
          say();
        };
      }
      return true;
    },

    tell: (next: Partial<News>): void => {
      news = { ...news, ...next };
      if (next.saved || performance.now() - toldAtMs > TELL_EVERY_MS) say();
    },

    /** @param storedKey the key of the file, if it is stored: followers are told before the next one may send. */
    leave: async (storedKey?: string): Promise<void> => {
      const [releaseIt, itsChannel] = [release, channel];
      const endsAtMs = performance.now() + FAREWELL_MS;
      if (storedKey !== undefined && releaseIt !== null && canFollow) {
        news = { ...news, stored: { key: storedKey, atMs: Date.now() } };
        while (performance.now() < endsAtMs && (await count()) > late) {
          say();
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
      itsChannel?.close();
      releaseIt?.();
      if (release === releaseIt) release = channel = null;
    },

    /**
     * Follows the sender.
     * @returns the key of the stored file; null if this one is the next sender: it must `lead` or `leave`.
     */
    follow: (onSent: OnSent, signal: AbortSignal): Promise<string | null> =>
      new Promise((resolve, reject) => {
        const inbox = new BroadcastChannel(name);
        const waiting = new AbortController();
        const sinceMs = Date.now();
        const end = () => {
          inbox.close();
          waiting.abort();
          signal.removeEventListener('abort', stop);
        };
        const stop = () => {
          end();
          reject(signal.reason);
        };
        signal.addEventListener('abort', stop);
        inbox.onmessage = ({ data }: MessageEvent<News | typeof HELLO>) => {
          if (data === HELLO) return;
          const { stored, ...rest } = data;
          news = rest;
          onSent(news.sentBytes, news.sentBytes);
          if (stored === undefined || stored.atMs <= sinceMs) return;
          end();
          resolve(stored.key);
        };
        const onTurn = async () => {
          await new Promise((resolve) => setTimeout(resolve, LAST_NEWS_MS));
          if (waiting.signal.aborted) return;
          end();
          // Keeps the lock for `lead`. If it were released, two followers could pass it to each other forever.
          await new Promise<void>((giveBack) => {
            release = giveBack;
            resolve(null);
          });
        };
        inbox.postMessage(HELLO);
        locks?.request(name, { signal: waiting.signal }, onTurn).catch(() => {
          // Aborted, because the file is stored or this one was stopped.
        });
      }),

    /** Whether others send this upload or wait to. */
    isShared: async (): Promise<boolean> => canFollow && (await count()) > 0,
  };
}
