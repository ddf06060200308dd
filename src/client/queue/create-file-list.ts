import type { AppTypes } from '../app-types.ts';
import type { Files } from '../create-files.ts';
import type { FileQuery, StoredFile } from '../stored-file.ts';
import { createStore, type Store } from './create-store.ts';

export type FileListSnapshot<App extends AppTypes = AppTypes> = {
  readonly files: readonly StoredFile<App>[];
  readonly isLoading: boolean;
  /** Why the last page could not be loaded, usually a `SignpostError`; otherwise null. */
  readonly error: unknown;
  /** Whether the service has more files than those. */
  readonly hasMore: boolean;
};

/** The confirmed files of a user, page after page. */
export type StoredFileList<App extends AppTypes = AppTypes> = Store<FileListSnapshot<App>> & {
  /** Loads the next page, or tries again after an error. */
  loadMore: () => Promise<void>;
  /** Loads the first page again. What is there stays until it has come. */
  refresh: () => Promise<void>;
  /** Shows a file that has just been uploaded or changed: `onDone` of a queue may call it. */
  put: (file: StoredFile<App>) => void;
  /** Deletes the file. Rejects as `remove` of `createFiles` does, and then still shows it. */
  remove: (fileId: string) => Promise<void>;
  /** What a server renders. */
  getServerSnapshot: () => FileListSnapshot<App>;
};

/** What a list is before its first page. */
const EMPTY: FileListSnapshot = { files: [], isLoading: true, error: null, hasMore: true };

/**
 * Files as a list that grows. The first page is loaded with the first `subscribe`.
 * @example const list = createFileList(createFiles({ url, token }), { documentType: 'contract' });
 */
export function createFileList<App extends AppTypes = AppTypes>(
  source: Pick<Files<App>, 'list' | 'remove'>,
  query?: FileQuery<App>,
): StoredFileList<App>;
export function createFileList(source: Pick<Files, 'list' | 'remove'>, query: FileQuery = {}): StoredFileList {
  let shown = EMPTY;
  let cursor = query.cursor;
  let isBegun = false;
  let running: AbortController | null = null;
  /** What was put, or removed (null), since the last page was asked for: the page may be older. */
  const changes = new Map<string, StoredFile | null>();
  const store = createStore(() => shown);
  const show = (patch: Partial<FileListSnapshot>) => {
    shown = { ...shown, ...patch };
    store.changed();
  };

  const load = async (from: string | undefined, isFirst: boolean) => {
    isBegun = true;
    running?.abort();
    const mine = new AbortController();
    running = mine;
    changes.clear();
    show({ isLoading: true, error: null });
    try {
      const { value } = await source.list({ ...query, cursor: from }, mine.signal).next();
      if (running !== mine || !value) return;
      cursor = value.nextCursor ?? undefined;
      const page = value.files.flatMap((file) => {
        const changed = changes.get(file.fileId);
        return changed === undefined ? file : (changed ?? []);
      });
      const put = [...changes.values()].reverse().flatMap((file) => file ?? []);
      const before = isFirst ? without(put, page) : shown.files;
      const files = [...before, ...without(page, before)];
      show({ files, isLoading: false, hasMore: value.nextCursor !== null });
    } catch (error) {
      if (running === mine) show({ isLoading: false, error });
    } finally {
      if (running === mine) running = null;
    }
  };

  return {
    getSnapshot: store.getSnapshot,
    getServerSnapshot: () => EMPTY,
    subscribe: (listener) => {
      if (!isBegun) void load(cursor, true);
      return store.subscribe(listener);
    },
    loadMore: async () => {
      if (running === null && shown.hasMore) await load(cursor, false);
    },
    refresh: () => load(query.cursor, true),
    put: (file) => {
      changes.set(file.fileId, file);
      const isThere = shown.files.some(({ fileId }) => fileId === file.fileId);
      const files = shown.files.map((other) => (other.fileId === file.fileId ? file : other));
      show({ files: isThere ? files : [file, ...files] });
    },
    remove: async (fileId) => {
      await source.remove(fileId);
      changes.set(fileId, null);
      show({ files: shown.files.filter((file) => file.fileId !== fileId) });
    },
  };
}

function without(files: readonly StoredFile[], others: readonly StoredFile[]): StoredFile[] {
  const ids = new Set(others.map(({ fileId }) => fileId));
  return files.filter(({ fileId }) => !ids.has(fileId));
}
