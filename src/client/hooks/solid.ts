import { type Accessor, createEffect, createMemo, on, onCleanup, onMount } from 'solid-js';
import { createStore as createReactive, reconcile } from 'solid-js/store';
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

/** Follows a store while the component is mounted (never on a server). Only fields that change are drawn again. */
function useStore<Snapshot extends object>(
  storeOf: Accessor<Store<Snapshot>>,
  initial: Snapshot,
  key: string,
): Snapshot {
  const [state, setState] = createReactive(copy(initial));
  const follow = (store: Store<Snapshot>) => {
    const read = () => setState(reconcile(copy(store.getSnapshot()), { key }));
    onCleanup(store.subscribe(read));
    read();
  };
  onMount(() => createEffect(on(storeOf, follow)));
  return state;
}

/** `reconcile` writes into what it was given before, and snapshots must not change. Files are not copied. */
function copy<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(copy) as Value;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, copy(inner)])) as Value;
}

/** The functions, and a getter for each field of the state. */
function withFields<Functions extends object, State extends object>(functions: Functions, state: State) {
  const getters = Object.keys(state).map((field) => [
    field,
    { enumerable: true, get: () => state[field as keyof State] },
  ]);
  return Object.defineProperties({ ...functions }, Object.fromEntries(getters)) as Functions & Readonly<State>;
}

/**
 * A queue as reactive state: its `items` and `totals`, and its functions. Make the queue outside of the component, so
 * that uploads outlive it. Do not take the object apart: its fields are getters.
 * @example const uploads = useUploads(queue);
 */
export function useUploads<App extends AppTypes = AppTypes>(
  queue: UploadQueue<App>,
): UploadQueue<App> & QueueSnapshot<App> {
  return withFields(
    queue,
    useStore(() => queue, queue.getServerSnapshot(), 'id'),
  );
}

/**
 * The user's confirmed files, page after page. Give a query that changes as a function; each change begins another
 * list.
 * @param source the result of `createFiles`, made outside of the component.
 * @example const stored = useFiles(signpostFiles, () => ({ q: search() }));
 */
export function useFiles<App extends AppTypes = AppTypes>(
  source: Files<App>,
  query: FileQuery<App> | Accessor<FileQuery<App>> = {},
): Omit<StoredFileList<App>, keyof Store<unknown> | 'getServerSnapshot'> & FileListSnapshot<App> {
  const key = createMemo(() => JSON.stringify(typeof query === 'function' ? query() : query));
  const list = createMemo(() => createFileList(source, JSON.parse(key())));
  const functions = {
    loadMore: () => list().loadMore(),
    refresh: () => list().refresh(),
    put: (file: Parameters<StoredFileList<App>['put']>[0]) => list().put(file),
    remove: (fileId: string) => list().remove(fileId),
  };
  return withFields(functions, useStore(list, list().getServerSnapshot(), 'fileId'));
}

/**
 * An element that takes files: `<section ref={zone.ref}>`.
 * @param onFiles called with what was dropped or pasted, in the event itself.
 * @example const zone = useDropZone(queue.add);
 */
export function useDropZone(onFiles: (data: DataTransfer) => unknown) {
  const zone = createDropZone(onFiles);
  const ref = (element: HTMLElement) => void onCleanup(zone.attach(element));
  return withFields(
    { ref },
    useStore(() => zone, zone.getSnapshot(), 'id'),
  );
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
  onCleanup(single.keep());
  return withFields(
    single.handles,
    useStore(() => single, single.getSnapshot(), 'fileId'),
  );
}
