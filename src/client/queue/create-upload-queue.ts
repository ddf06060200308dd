import type { AppTypes } from '../app-types.ts';
import { canTryAgain, SignpostError } from '../signpost-error.ts';
import { tellApp } from '../tell-app.ts';
import type { Upload } from '../upload.ts';
import type { UploadState } from '../upload-state.ts';
import { collectFiles, type Found } from './collect-files.ts';
import { createPreparation } from './create-preparation.ts';
import { createStore, PROGRESS_MS } from './create-store.ts';
import { areEqual, atLeastOne, type Entry, IDLE, isRunning, newItem, unreadable, untilSettled } from './queue-entry.ts';
import type { Prepared, QueueFileOptions, QueueItem, QueueSnapshot } from './queue-item.ts';
import type { SavedFile } from './queue-memory.ts';
import { createQueueTotals } from './queue-totals.ts';
import { createRemembering, matches } from './remembered.ts';
import { askForFile } from './restored-file.ts';
import type { Ids, UploadQueue, UploadQueueOptions } from './upload-queue.ts';

export type { MetadataSchema } from './check-metadata.ts';
export type { FileSource } from './collect-files.ts';
export { createDropZone, type DropZone } from './create-drop-zone.ts';
export { createFileList, type FileListSnapshot, type StoredFileList } from './create-file-list.ts';
export type { BeforeUpload } from './create-preparation.ts';
export type { QueueFileOptions, QueueItem, QueueNeed, QueueSnapshot, QueueStatus, QueueTotals } from './queue-item.ts';
export { createQueueMemory, type QueueMemory, type QueueMemoryOptions, type SavedFile } from './queue-memory.ts';
export type { Ids, UploadQueue, UploadQueueOptions } from './upload-queue.ts';

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
export function createUploadQueue<App extends AppTypes = AppTypes>(options: UploadQueueOptions<App>): UploadQueue<App>;
export function createUploadQueue(options: UploadQueueOptions): UploadQueue {
  const { signpost, memory, onDone, onFailed, now = () => performance.now() } = options;
  let concurrency = atLeastOne(options.concurrency ?? 3);
  let isPaused = options.isPaused ?? false;
  let entries: Entry[] = [];
  const byId = new Map<string, Entry>();
  const running = new Set<Entry>();
  /** Files of an earlier page that cannot be read yet. */
  const needy = new Map<Entry, SavedFile>();
  const sums = createQueueTotals(now);
  const preparation = createPreparation(options);
  const remembering = createRemembering(options);
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

  /** The speed falls while no bytes are reported. */
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
    const isNowPaused = entry.item.status === 'paused';
    if (isNowPaused !== (before.status === 'paused')) memory?.setPaused?.(before.id, isNowPaused);
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
    change(entry, { status: 'preparing' }, PROGRESS_MS);
    if (entry.upload !== null) return entry.upload.resume();
    entry.preparation ??= preparation.prepare(file, entry);
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
    // A client may tell its progress before it returns.
    let upload: Upload | null = null;
    const begun = signpost.upload(file, {
      ...options,
      objectKey: entry.objectKey,
      onProgress: ({ sentBytes }) => {
        if (entry.upload === upload) change(entry, { sentBytes }, PROGRESS_MS);
      },
      onState: (state) => entry.upload === upload && follow(entry, state),
    });
    upload = begun;
    entry.upload = begun;
    begun.then(
      (stored) => settle(entry, { status: 'done', ...IDLE, sentBytes: entry.item.totalBytes, stored }),
      (error: unknown) => fail(entry, error, canTryAgain(error)),
    );
  };

  const follow = (entry: Entry, state: UploadState) => {
    // The queue itself pauses uploads, and their promises tell how they end.
    if (!running.has(entry) || !isRunning(state)) return;
    const { status, error, nextAttemptAtMs } = { ...IDLE, ...state };
    if ('objectKey' in state) remembering.setObjectKey(entry, state.objectKey);
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
    const { id, stored, error, retryable } = entry.item;
    if (!retryable) memory?.forget([id]);
    if (stored !== null) tellApp(onDone, stored, entry.item);
    else tellApp(onFailed, error, entry.item);
  };

  const insert = (item: QueueItem, options: QueueFileOptions): Entry => {
    const entry: Entry = { item, options, preparation: null, upload: null, removed: new AbortController() };
    entries.push(entry);
    byId.set(item.id, entry);
    sums.change(null, item);
    void preparation.refuseEarly(item, options).then((refusal) => {
      const isUnsent = ['waiting', 'paused'].includes(entry.item.status) && !entry.upload && !entry.objectKey;
      if (refusal && isUnsent) fail(entry, refusal, canTryAgain(refusal));
    });
    return entry;
  };
  const append = (found: Found, options: QueueFileOptions): string => {
    const { file, fileName, relativePath, handle, error = null } = found;
    const needed = [...needy].find(([, saved]) => matches(found, options, saved))?.[0];
    if (needed !== undefined) {
      fill(needed, file);
      remembering.save(needed, handle);
      return needed.item.id;
    }
    const item = {
      ...newItem(`${idPrefix}-${++added}`, isPaused),
      file,
      fileName: options.fileName ?? fileName,
      relativePath,
      totalBytes: file?.size ?? 0,
      contentType: options.contentType ?? (file?.type || 'application/octet-stream'),
    };
    const entry = insert(item, options);
    if (file === null) fail(entry, unreadable(error), false);
    else remembering.save(entry, handle);
    return item.id;
  };
  const fill = (entry: Entry, file: Blob | null) => {
    if (file === null || !needy.delete(entry)) return;
    change(entry, { file, needs: null, status: isPaused ? 'paused' : 'waiting', totalBytes: file.size });
  };
  const ask = async (entry: Entry, handle: FileSystemFileHandle) => {
    const { file, needs } = await askForFile(handle);
    if (file === null) change(entry, { needs });
    else fill(entry, file);
    startNext();
  };
  const restore = async () => {
    for (const saved of await remembering.load()) {
      const { id, fileName, contentType, relativePath, size } = saved;
      const { file, needs, refusal, options } = await remembering.restore(saved);
      const item = newItem(id, isPaused || needs !== null || saved.isPaused);
      const totalBytes = file?.size ?? size;
      const entry = insert({ ...item, file, fileName, contentType, relativePath, totalBytes, needs }, options);
      entry.objectKey = saved.objectKey;
      if (needs !== null) needy.set(entry, saved);
      // Another page may send it: it stays remembered.
      if (refusal !== null) change(entry, { status: 'failed', error: refusal });
      if (refusal !== null) tellApp(onFailed, refusal, entry.item);
      touch(PROGRESS_MS);
      startNext();
    }
  };

  const chosen = (ids: Ids | undefined): Entry[] => {
    if (ids === undefined) return [...entries];
    return (typeof ids === 'string' ? [ids] : [...ids]).flatMap((id) => byId.get(id) ?? []);
  };

  void restore();
  return {
    subscribe: store.subscribe,
    getSnapshot: store.getSnapshot,
    getServerSnapshot: () => serverSnapshot,
    add: async (source, given = {}) => {
      const fileOptions = remembering.withDefaults(given);
      const { files, rest } = collectFiles(source, memory !== undefined);
      const ids = files.map((found) => append(found, fileOptions));
      touch();
      startNext();
      for await (const found of rest) {
        ids.push(append(found, fileOptions));
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
      for (const entry of chosen(ids)) {
        const handle = needy.get(entry)?.handle;
        if (entry.item.needs === 'permission' && handle) void ask(entry, handle);
        if (entry.item.status === 'paused' && entry.item.needs === null) change(entry, { status: 'waiting' });
      }
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
        needy.delete(entry);
        sums.change(entry.item, null);
        entry.removed.abort();
        void entry.upload?.abort();
      }
      memory?.forget([...gone].map(({ item }) => item.id));
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
    settled: () => untilSettled(store),
  };
}
