import type { AppTypes } from '../app-types.ts';
import type { Signpost } from '../create-signpost.ts';
import type { StoredFile } from '../stored-file.ts';
import type { FileSource } from './collect-files.ts';
import type { PreparationOptions } from './create-preparation.ts';
import type { Store } from './create-store.ts';
import type { QueueFileOptions, QueueItem, QueueSnapshot } from './queue-item.ts';
import type { QueueMemory } from './queue-memory.ts';

export type UploadQueueOptions<App extends AppTypes = AppTypes> = PreparationOptions<App> & {
  /**
   * The client that uploads. It sends no more than its own `parallelFiles` at once. The `memory` keeps no bytes for a
   * client that does not say whether it encrypts.
   */
  signpost: Pick<Signpost<App>, 'upload' | 'limits'> & Partial<Pick<Signpost<App>, 'url' | 'isEncrypting'>>;
  /** For all files; those of `add` and of `beforeUpload` override them. */
  uploadOptions?: QueueFileOptions<App> | undefined;
  /** How many files at once: 1 or more. Default 3. */
  concurrency?: number | undefined;
  /** Whether added files wait for `resume`: for a form that is sent later. Default false. */
  isPaused?: boolean | undefined;
  /** Called with each confirmed file. */
  onDone?: ((stored: StoredFile<App>, item: QueueItem<App>) => void) | undefined;
  /** Called with each failed file. */
  onFailed?: ((error: unknown, item: QueueItem<App>) => void) | undefined;
  /** Remembers the files over a reload: `createQueueMemory`. Default: none. */
  memory?: QueueMemory | undefined;
  /** For tests: milliseconds. */
  now?: (() => number) | undefined;
};

/** One item's id, or several. */
export type Ids = string | Iterable<string>;

/**
 * Files on their way to the bucket. The functions take the ids of items, by default all; an id that is not there is
 * ignored. `subscribe` and `getSnapshot` are what React's `useSyncExternalStore` takes.
 */
export type UploadQueue<App extends AppTypes = AppTypes> = Store<QueueSnapshot<App>> & {
  /**
   * Adds files, and all files of folders. `File`s are there at once; those in folders as they are found, with their
   * `relativePath`, which is sent as the metadata `relative-path`. Call it in the handler of a drop itself.
   * @param options override those of the queue.
   * @returns the new items' ids, when all folders have been read.
   * @throws {TypeError} for anything but files, folders and lists of them.
   */
  add: (source: FileSource, options?: QueueFileOptions<App>) => Promise<string[]>;
  /** Stops sending. Without ids also what is added later. Uploaded parts are kept. */
  pause: (ids?: Ids) => void;
  /** Continues. It asks for the permissions that files need after a reload: then call it in the handler of a click. */
  resume: (ids?: Ids) => void;
  /** Begins failed files again: parts that have arrived are not sent twice. */
  retry: (ids?: Ids) => void;
  /** Takes files out of the queue. What has arrived of an unfinished one is removed; a confirmed file stays stored. */
  remove: (ids?: Ids) => void;
  /** Puts a file elsewhere in the order. An index beyond the ends is the nearest end. */
  move: (id: string, index: number) => void;
  /**
   * Files that are being sent continue.
   * @throws {RangeError} unless it is 1 or more.
   */
  setConcurrency: (concurrency: number) => void;
  /** Resolves when no file is waiting or running: each is done, failed or paused. */
  settled: () => Promise<QueueSnapshot<App>>;
  /** The first snapshot: what a server renders, and hydration begins with. */
  getServerSnapshot: () => QueueSnapshot<App>;
};
