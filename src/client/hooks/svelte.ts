import { onDestroy } from 'svelte';
import { createSubscriber } from 'svelte/reactivity';
import type { AppTypes } from '../app-types.ts';
import type { Files } from '../create-files.ts';
import type { Signpost } from '../create-signpost.ts';
import { createDropZone } from '../queue/create-drop-zone.ts';
import { createFileList, type FileListSnapshot, type StoredFileList } from '../queue/create-file-list.ts';
import { createSingleUpload, type ShownUpload, type UploadHandles } from '../queue/create-single-upload.ts';
import type { Store } from '../queue/create-store.ts';
import type { QueueSnapshot } from '../queue/queue-item.ts';
import type { UploadQueue } from '../queue/upload-queue.ts';
import type { FileQuery } from '../stored-file.ts';

/** Returns a function that reads the store. Whatever calls it is drawn again after changes. */
function follow<Snapshot>(store: Store<Snapshot>): () => Snapshot {
  const track = createSubscriber((update) => store.subscribe(update));
  return () => {
    track();
    return store.getSnapshot();
  };
}

/** An object with the functions, and a getter for each field of the snapshot. */
function withFields<Functions extends object, Snapshot extends object>(
  functions: Functions,
  read: () => Snapshot,
  initial: Snapshot,
): Functions & Readonly<Snapshot> {
  const getters = Object.keys(initial).map((field) => [
    field,
    { enumerable: true, get: () => read()[field as keyof Snapshot] },
  ]);
  return Object.defineProperties({ ...functions }, Object.fromEntries(getters)) as Functions & Readonly<Snapshot>;
}

/**
 * A queue as reactive state: its `items` and `totals`, and its functions. Make the queue outside of the component, so
 * that uploads outlive it. Do not take the object apart: its fields are getters.
 * @example const uploads = useUploads(queue);
 */
export function useUploads<App extends AppTypes = AppTypes>(
  queue: UploadQueue<App>,
): UploadQueue<App> & QueueSnapshot<App> {
  return withFields(queue, follow(queue), queue.getServerSnapshot());
}

/**
 * The user's confirmed files, page after page. Give a query that changes as a function; each change begins another
 * list.
 * @param source the result of `createFiles`, made outside of the component.
 * @example const stored = useFiles(signpostFiles, () => ({ q: search }));
 */
export function useFiles<App extends AppTypes = AppTypes>(
  source: Files<App>,
  query: FileQuery<App> | (() => FileQuery<App>) = {},
): Omit<StoredFileList<App>, keyof Store<unknown> | 'getServerSnapshot'> & FileListSnapshot<App> {
  let key: string | null = null;
  let list = createFileList(source);
  let read = follow(list);
  /** The list of the query at this moment. */
  const current = () => {
    const next = JSON.stringify(typeof query === 'function' ? query() : query);
    if (next !== key) {
      key = next;
      list = createFileList(source, JSON.parse(next));
      read = follow(list);
    }
    return list;
  };
  const functions = {
    loadMore: () => list.loadMore(),
    refresh: () => list.refresh(),
    put: (file: Parameters<typeof list.put>[0]) => list.put(file),
    remove: (fileId: string) => list.remove(fileId),
  };
  const readCurrent = () => {
    current();
    return read();
  };
  return withFields(functions, readCurrent, list.getServerSnapshot());
}

/**
 * An element that takes files: `<section use:zone.attach>`.
 * @param onFiles called with what was dropped or pasted, in the event itself.
 * @example const zone = useDropZone(queue.add);
 */
export function useDropZone(onFiles: (data: DataTransfer) => unknown) {
  const zone = createDropZone(onFiles);
  const attach = (element: HTMLElement) => ({ destroy: zone.attach(element) });
  return withFields({ attach }, follow(zone), zone.getSnapshot());
}

/**
 * One file's upload. Starting another upload aborts the previous one, and so does unmounting; to outlive the component,
 * use a queue. Do not take the object apart: its fields are getters.
 * @example const current = useUpload(signpost);
 */
export function useUpload<App extends AppTypes = AppTypes>(
  signpost: Pick<Signpost<App>, 'upload'>,
): UploadHandles<App> & Readonly<ShownUpload<App>> {
  const single = createSingleUpload(signpost);
  onDestroy(single.keep());
  return withFields(single.handles, follow(single), single.getSnapshot());
}
