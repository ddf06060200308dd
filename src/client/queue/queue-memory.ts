import type { QueueFileOptions } from './queue-item.ts';

/** A file in one request has nothing to resume, so its bytes may be worth keeping; a larger one is resumed by parts. */
const MAX_FILE_BYTES = 16 * 1024 ** 2;
/** Of all files whose bytes one page keeps. */
const MAX_ALL_BYTES = 256 * 1024 ** 2;
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const PURGE_MS = 3600 * 1000;

/** What is remembered of a file that is not stored yet. */
export type SavedFile = {
  id: string;
  fileName: string;
  contentType: string;
  relativePath: string | null;
  /** Bytes. */
  size: number;
  /** Milliseconds since the epoch; null if unknown. */
  lastModified: number | null;
  /** All that count for it: those of the queue and of `add`. */
  options: QueueFileOptions;
  /** The client's `url`. */
  url: string;
  /** Whether it was to be encrypted: it is not sent by a queue that would not. */
  isEncrypted: boolean;
  /** Whether the queue has `beforeUpload`: it is not sent by a queue that has none. */
  isPrepared: boolean;
  /** Its bytes, if they are few; or how to read them again, where the browser can; or neither. */
  file: Blob | null;
  handle: FileSystemFileHandle | null;
  /** Whether it was paused: it waits for `resume`. */
  isPaused?: boolean | undefined;
  /** Where its bytes are, if all are sent and only the confirmation is unknown: they are not sent twice. */
  objectKey?: string | undefined;
};

export type QueueMemory = {
  /** Whether bytes are kept although the queue has `beforeUpload`. Default: not. */
  keepsPlainBytes?: boolean | undefined;
  /**
   * The unfinished files of pages that are gone. They belong to this page from now on.
   * @param url the client's: only the files of the same service.
   */
  load: (url: string) => Promise<SavedFile[]>;
  save: (file: SavedFile) => void;
  /** Called when a file is paused or resumed. Without it, paused files continue after a reload. */
  setPaused?: ((id: string, isPaused: boolean) => void) | undefined;
  /** Called when all bytes of a file are sent. Without it, they are sent again after a reload at that moment. */
  setObjectKey?: ((id: string, objectKey: string) => void) | undefined;
  forget: (ids: readonly string[]) => void;
};

export type QueueMemoryOptions = {
  /** The owner of the files, such as the user's id: only this owner gets them back. */
  owner: string;
  /**
   * Whether the bytes of small files are kept in a queue with `beforeUpload` as well. They are as the user chose them:
   * set it only if `beforeUpload` does not encrypt them. Default false.
   */
  keepsPlainBytes?: boolean | undefined;
};

/** `service` is the whole URL. */
type Row = SavedFile & { owner: string; service: string; page: string; savedAtMs: number };

/**
 * Remembers a queue's files in this browser (IndexedDB) for seven days, until they are stored or removed. The bytes of
 * files up to 16 MiB are kept, 256 MiB in all; of larger ones a handle, where the browser has one (Chromium). It needs
 * Web Locks and so a secure context, to tell pages that are gone from those in other tabs; without them, in a private
 * window or with a full disk, it remembers less or nothing, and uploads still work.
 * @example createUploadQueue({ signpost, memory: createQueueMemory({ owner: session.userId }) });
 */
export function createQueueMemory({ owner, keepsPlainBytes = false }: QueueMemoryOptions): QueueMemory & {
  /**
   * Removes what is remembered of this owner's files, in other tabs too: call it when the user signs out.
   * @throws {DOMException} if the browser cannot remove them.
   */
  clear: () => Promise<void>;
} {
  if (!owner) throw new TypeError('owner must be the id of the user');
  const page = Math.random().toString(36).slice(2);
  const lockOf = (page: string) => `signpost-queue:${page}`;
  const keptBytes = new Map<string, number>();
  let held: Promise<boolean> | undefined;
  /** Holds this page's lock until it is gone; false where that is not possible. */
  const hold = (): Promise<boolean> => {
    held ??= new Promise((resolve) => {
      const locks = 'indexedDB' in globalThis ? globalThis.navigator?.locks : undefined;
      if (locks === undefined) return resolve(false);
      const untilGone = () => {
        resolve(true);
        return new Promise<void>(() => {});
      };
      locks.request(lockOf(page), untilGone).catch(() => resolve(false));
    });
    return held;
  };
  /** One change after another. Without a storage, or with a full one, only remembering is lost. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(change: (database: IDBDatabase) => Promise<Result>): Promise<Result | undefined> => {
    const result = last
      .then(hold)
      .then(async (isHeld) => (isHeld ? change(await open()) : undefined))
      .catch(() => undefined);
    last = result;
    return result;
  };
  const keepBytes = ({ id, size, file }: SavedFile): Blob | null => {
    const all = [...keptBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    if (size > MAX_FILE_BYTES || all + size > MAX_ALL_BYTES) return null;
    keptBytes.set(id, size);
    return file;
  };

  const change = (id: string, changes: Partial<SavedFile>) =>
    void inTurn((database) =>
      write(database, (store) => {
        const row: IDBRequest<Row | undefined> = store.get(id);
        row.onsuccess = () => row.result && store.put({ ...row.result, ...changes });
      }),
    );

  /** The rows of one page, if it is gone. */
  const adopt = (database: IDBDatabase, rows: readonly Row[]): Promise<Row[]> =>
    navigator.locks.request(lockOf(rows[0]?.page ?? ''), { ifAvailable: true }, async (lock) => {
      if (lock === null) return [];
      await write(database, (store) => {
        for (const row of rows) store.put({ ...row, page });
      });
      return [...rows];
    });

  let purgedAtMs = 0;
  const purge = async (database: IDBDatabase, rows: readonly Row[]) => {
    purgedAtMs = Date.now();
    const old = rows.filter(({ savedAtMs }) => purgedAtMs - savedAtMs > MAX_AGE_MS);
    await remove(
      database,
      old.map(({ id }) => id),
    );
    return rows.filter((row) => !old.includes(row));
  };

  return {
    keepsPlainBytes,
    load: async (url) => {
      const rows = await inTurn(async (database) => {
        const mine = (await purge(database, await read(database))).filter((row) => row.owner === owner);
        const service = serviceOf(url);
        const pages = new Map<string, Row[]>();
        for (const row of mine.filter((row) => row.service === service && row.page !== page)) {
          pages.set(row.page, [...(pages.get(row.page) ?? []), row]);
        }
        const adopted: Row[] = [];
        for (const rows of pages.values()) adopted.push(...(await adopt(database, rows)));
        return adopted.toSorted((a, b) => a.savedAtMs - b.savedAtMs);
      });
      for (const { id, file, size } of rows ?? []) if (file !== null) keptBytes.set(id, size);
      return rows ?? [];
    },
    save: (saved) => {
      const file = keepBytes(saved);
      void inTurn(async (database) => {
        const row: Row = { ...saved, file, owner, service: serviceOf(saved.url), page, savedAtMs: Date.now() };
        await write(database, (store) => void store.put(row)).catch(() =>
          // The disk is full: the file can be chosen again.
          write(database, (store) => void store.put({ ...row, file: null })),
        );
        if (Date.now() - purgedAtMs > PURGE_MS) await purge(database, await read(database));
      });
    },
    setPaused: (id, isPaused) => change(id, { isPaused }),
    setObjectKey: (id, objectKey) => change(id, { objectKey }),
    forget: (ids) => {
      for (const id of ids) keptBytes.delete(id);
      if (held !== undefined && ids.length > 0) {
        void inTurn((database) => remove(database, ids));
      }
    },
    clear: () => {
      keptBytes.clear();
      const cleared = last.then(async () => {
        if (!('indexedDB' in globalThis)) return;
        const database = await open();
        const rows = (await read(database)).filter((row) => row.owner === owner);
        await remove(
          database,
          rows.map(({ id }) => id),
        );
      });
      last = cleared.catch(() => {});
      return cleared;
    },
  };
}

/** As `fetch` reads it: a relative URL is another one on another page. */
function serviceOf(url: string): string {
  return new Request(url).url;
}

const STORE = 'files';
let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('signpost-queue', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

function read(database: IDBDatabase): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const request = database.transaction(STORE).objectStore(STORE).getAll();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function remove(database: IDBDatabase, ids: readonly string[]): Promise<void> {
  return write(database, (store) => {
    for (const id of ids) store.delete(id);
  });
}

/** Resolves when the change is on the disk. */
function write(database: IDBDatabase, change: (store: IDBObjectStore) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, 'readwrite');
    change(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}
