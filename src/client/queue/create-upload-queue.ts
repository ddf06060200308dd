import { canTryAgain, SignpostError } from '../signpost-error.ts';
import type { Upload } from '../upload.ts';
import type { UploadState } from '../upload-state.ts';
import { collectFiles, type Found } from './collect-files.ts';
import { createPreparation, type Prepared } from './create-preparation.ts';
import { createStore, PROGRESS_MS } from './create-store.ts';
import type { QueueFileOptions, QueueItem, QueueSnapshot, QueueTotals } from './queue-item.ts';
import { createQueueTotals } from './queue-totals.ts';
import type { Ids, UploadQueue, UploadQueueOptions } from './upload-queue.ts';

export type { FileSource } from './collect-files.ts';
export type { BeforeUpload } from './create-preparation.ts';
export type { QueueFileOptions, QueueItem, QueueSnapshot, QueueStatus, QueueTotals } from './queue-item.ts';
export type { Ids, UploadQueue, UploadQueueOptions } from './upload-queue.ts';

type Entry = {
  item: QueueItem;
  options: QueueFileOptions;
  preparation: Promise<Prepared> | null;
  upload: Upload | null;
  /** Aborted when the item is removed. */
  removed: AbortController;
};

/**
 * A queue of uploads, independent of any framework.
 *
 * ```ts
 * const queue = createUploadQueue({ signpost, uploadOptions: { recordId: 'case-42' } });
 * input.onchange = () => queue.add(input.files);
 * queue.subscribe(() => draw(queue.getSnapshot()));
 * ```
 *
 * @throws {RangeError} if `concurrency` is below 1.
 */
export function createUploadQueue(options: UploadQueueOptions): UploadQueue {
  const { signpost, onDone, onFailed, now = () => performance.now() } = options;
  let concurrency = atLeastOne(options.concurrency ?? 3);
  let isPaused = options.isPaused ?? false;
  let entries: Entry[] = [];
  const byId = new Map<string, Entry>();
  const running = new Set<Entry>();
  const sums = createQueueTotals(now);
  const preparation = createPreparation(options);
  const idPrefix = Math.random().toString(36).slice(2);
  let added = 0;
  let areItemsStale = true;
  let isTicking = false;

  const store = createStore<QueueSnapshot>((previous) => {
    const totals = sums.read();
    const items = areItemsStale || previous === null ? entries.map(({ item }) => item) : previous.items;
    const isSame = previous?.isPaused === isPaused && previous.concurrency === concurrency;
    if (isSame && items === previous.items && areEqual(totals, previous.totals)) return previous;
    areItemsStale = false;
    return { items, totals, isPaused, concurrency };
  });
  const serverSnapshot = store.getSnapshot();

  /** Speed falls while nothing is told. */
  const tick = () => {
    isTicking = running.size > 0;
    if (isTicking) setTimeout(tick, 1_000);
    store.changed();
  };
  const touch = (delayMs?: number) => {
    areItemsStale = true;
    store.changed(delayMs);
  };
  const change = (entry: Entry, patch: Partial<QueueItem>, delayMs?: number) => {
    const before = entry.item;
    entry.item = { ...before, ...patch };
    sums.change(before, entry.item);
    touch(delayMs);
  };

  const startNext = () => {
    if (running.size >= concurrency) return;
    for (const entry of entries) {
      if (entry.item.status === 'waiting') start(entry);
      if (running.size >= concurrency) break;
    }
  };

  const start = (entry: Entry) => {
    const { file } = entry.item;
    if (file === null) return;
    running.add(entry);
    if (!isTicking) tick();
    if (entry.upload !== null) {
      change(entry, { status: 'preparing' }, PROGRESS_MS);
      entry.upload.resume();
      return;
    }
    change(entry, { status: 'preparing' }, PROGRESS_MS);
    entry.preparation ??= preparation.prepare(file, entry.item, entry.options, entry.removed.signal);
    const mine = entry.preparation;
    mine.then(
      (prepared) => {
        // A pause leaves what is prepared to the next start.
        if (entry.item.status === 'preparing' && entry.upload === null) send(entry, prepared);
      },
      (error: unknown) => {
        if (entry.preparation !== mine) return;
        entry.preparation = null;
        fail(entry, error, error instanceof SignpostError && canTryAgain(error));
      },
    );
  };

  const send = (entry: Entry, { file, options, fileName, contentType }: Prepared) => {
    if (entry.removed.signal.aborted) return;
    change(entry, { fileName, contentType, totalBytes: file.size }, PROGRESS_MS);
    const upload = signpost.upload(file, {
      ...options,
      onProgress: ({ sentBytes }) => {
        if (entry.upload === upload) change(entry, { sentBytes }, PROGRESS_MS);
      },
      onState: (state) => entry.upload === upload && follow(entry, state),
    });
    entry.upload = upload;
    upload.then(
      (stored) => settle(entry, { status: 'done', ...IDLE, sentBytes: entry.item.totalBytes, stored }),
      (error: unknown) => fail(entry, error, canTryAgain(error)),
    );
  };

  const follow = (entry: Entry, state: UploadState) => {
    // The queue knows of pauses itself, and the promise tells how it ended.
    if (!running.has(entry) || !isRunning(state)) return;
    const { status, error, nextAttemptAtMs } = { ...IDLE, ...state };
    change(entry, { status, error, nextAttemptAtMs }, PROGRESS_MS);
  };

  const fail = (entry: Entry, error: unknown, retryable: boolean) => {
    settle(entry, { status: 'failed', error, nextAttemptAtMs: null, retryable });
  };

  const settle = (entry: Entry, patch: Partial<QueueItem>) => {
    if (entry.removed.signal.aborted) return;
    running.delete(entry);
    entry.upload = null;
    change(entry, patch, PROGRESS_MS);
    startNext();
    const { stored, error } = entry.item;
    if (stored !== null) onDone?.(stored, entry.item);
    else onFailed?.(error, entry.item);
  };

  const append = ({ file, fileName, relativePath, error = null }: Found, options: QueueFileOptions): Entry => {
    const item: QueueItem = {
      id: `${idPrefix}-${++added}`,
      ...{ file, fileName: options.fileName ?? fileName, relativePath, sentBytes: 0, totalBytes: file?.size ?? 0 },
      contentType: options.contentType ?? (file?.type || 'application/octet-stream'),
      status: isPaused ? 'paused' : 'waiting',
      ...{ ...IDLE, stored: null },
    };
    const entry: Entry = { item, options, preparation: null, upload: null, removed: new AbortController() };
    entries.push(entry);
    byId.set(item.id, entry);
    sums.change(null, item);
    if (file === null) fail(entry, unreadable(error), false);
    else void preparation.refuseEarly(file, item, options).then((refusal) => refusal && refuse(entry, refusal));
    return entry;
  };
  const refuse = (entry: Entry, refusal: unknown) => {
    if (['waiting', 'paused'].includes(entry.item.status) && entry.upload === null)
      fail(entry, refusal, canTryAgain(refusal));
  };

  const chosen = (ids: Ids | undefined): Entry[] => {
    if (ids === undefined) return [...entries];
    return (typeof ids === 'string' ? [ids] : [...ids]).flatMap((id) => byId.get(id) ?? []);
  };

  return {
    subscribe: store.subscribe,
    getSnapshot: store.getSnapshot,
    getServerSnapshot: () => serverSnapshot,
    add: async (source, fileOptions = {}) => {
      const { files, rest } = collectFiles(source);
      const ids = files.map((found) => append(found, fileOptions).item.id);
      touch();
      startNext();
      for await (const found of rest) {
        ids.push(append(found, fileOptions).item.id);
        touch(PROGRESS_MS);
        startNext();
      }
      return ids;
    },
    pause: (ids) => {
      if (ids === undefined) isPaused = true;
      for (const entry of chosen(ids)) {
        if (['done', 'failed', 'paused'].includes(entry.item.status)) continue;
        running.delete(entry);
        change(entry, { status: 'paused', ...IDLE });
        entry.upload?.pause();
      }
      touch();
      startNext();
    },
    resume: (ids) => {
      if (ids === undefined) isPaused = false;
      for (const entry of chosen(ids)) if (entry.item.status === 'paused') change(entry, { status: 'waiting' });
      touch();
      startNext();
    },
    retry: (ids) => {
      preparation.forgetLimits();
      for (const entry of chosen(ids)) {
        const { status, file } = entry.item;
        if (status === 'failed' && file !== null) change(entry, { status: 'waiting', ...IDLE });
      }
      startNext();
    },
    remove: (ids) => {
      const gone = new Set(chosen(ids));
      entries = entries.filter((entry) => !gone.has(entry));
      for (const entry of gone) {
        byId.delete(entry.item.id);
        running.delete(entry);
        sums.change(entry.item, null);
        entry.removed.abort();
        void entry.upload?.abort();
      }
      touch();
      startNext();
    },
    move: (id, index) => {
      const entry = byId.get(id);
      if (entry === undefined) return;
      entries = entries.filter((other) => other !== entry);
      entries.splice(Math.max(0, index), 0, entry);
      touch();
    },
    setConcurrency: (next) => {
      concurrency = atLeastOne(next);
      touch();
      startNext();
    },
    settled: () =>
      new Promise((resolve) => {
        const look = () => {
          const snapshot = store.getSnapshot();
          if (snapshot.totals.waiting + snapshot.totals.running > 0) return;
          stop();
          resolve(snapshot);
        };
        const stop = store.subscribe(look);
        look();
      }),
  };
}

/** Nothing is wrong. */
const IDLE = { error: null, nextAttemptAtMs: null, retryable: false };

const RUNNING = ['preparing', 'uploading', 'retrying', 'offline', 'confirming'] as const;

function isRunning(state: UploadState): state is Extract<UploadState, { status: (typeof RUNNING)[number] }> {
  return RUNNING.some((status) => status === state.status);
}

function atLeastOne(concurrency: number): number {
  if (!(concurrency >= 1)) throw new RangeError('concurrency must be 1 or more');
  return concurrency;
}

function areEqual(a: QueueTotals, b: QueueTotals): boolean {
  return Object.entries(a).every(([name, value]) => b[name as keyof QueueTotals] === value);
}

function unreadable(cause: unknown): SignpostError {
  return new SignpostError({
    ...{ code: 'file-changed', status: 0, detail: 'the file cannot be read', retryable: false, cause },
  });
}
