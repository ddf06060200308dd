import {
  type ComputedRef,
  computed,
  type MaybeRefOrGetter,
  onMounted,
  onUnmounted,
  type ShallowRef,
  shallowRef,
  toValue,
  watch,
} from 'vue';
import type { AppTypes } from '../app-types.ts';
import type { Files } from '../create-files.ts';
import type { Signpost } from '../create-signpost.ts';
import { createDropZone } from '../queue/create-drop-zone.ts';
import { createFileList } from '../queue/create-file-list.ts';
import { createSingleUpload } from '../queue/create-single-upload.ts';
import type { Store } from '../queue/create-store.ts';
import type { UploadQueue } from '../queue/upload-queue.ts';
import type { FileQuery } from '../stored-file.ts';

/** Each field of a snapshot as a ref. Shallow: files and promises do not work behind a proxy. */
type Refs<Snapshot> = { readonly [Field in keyof Snapshot]: ComputedRef<Snapshot[Field]> };

/** Follows a store while the component is mounted (never on a server). Another store replaces it. */
function useStore<Snapshot extends object>(storeOf: () => Store<Snapshot>, initial: Snapshot): Refs<Snapshot> {
  const snapshot: ShallowRef<Snapshot> = shallowRef(initial);
  let stop = () => {};
  const follow = (store: Store<Snapshot>) => {
    stop();
    const read = () => {
      snapshot.value = store.getSnapshot();
    };
    stop = store.subscribe(read);
    read();
  };
  onMounted(() => watch(storeOf, follow, { immediate: true }));
  onUnmounted(() => stop());
  const refs = Object.keys(initial).map((field) => [field, computed(() => snapshot.value[field as keyof Snapshot])]);
  return Object.fromEntries(refs);
}

/**
 * A queue as a component's state: refs of its `items` and `totals`, and its functions. Make the queue outside of the
 * component, so that uploads outlive it.
 * @example const { items, add, remove } = useUploads(queue);
 */
export function useUploads<App extends AppTypes = AppTypes>(queue: UploadQueue<App>) {
  return { ...queue, ...useStore(() => queue, queue.getServerSnapshot()) };
}

/**
 * The user's confirmed files, page after page. Another `query` begins another list.
 * @param source the result of `createFiles`, made outside of the component.
 * @example const { files, hasMore, loadMore } = useFiles(signpostFiles, () => ({ q: search.value }));
 */
export function useFiles<App extends AppTypes = AppTypes>(
  source: Files<App>,
  query: MaybeRefOrGetter<FileQuery<App>> = {},
) {
  const key = computed(() => JSON.stringify(toValue(query)));
  const list = computed(() => createFileList(source, JSON.parse(key.value)));
  return {
    ...useStore(() => list.value, list.value.getServerSnapshot()),
    loadMore: () => list.value.loadMore(),
    refresh: () => list.value.refresh(),
    put: (file: Parameters<typeof list.value.put>[0]) => list.value.put(file),
    remove: (fileId: string) => list.value.remove(fileId),
  };
}

/**
 * An element that takes files: `<section ref="target">`.
 * @param onFiles called with what was dropped or pasted, in the event itself.
 * @example const { target, isOver } = useDropZone(queue.add);
 */
export function useDropZone(onFiles: (data: DataTransfer) => unknown) {
  const zone = createDropZone(onFiles);
  const target = shallowRef<HTMLElement | null>(null);
  watch(target, (element, _, onCleanup) => element && onCleanup(zone.attach(element)), { flush: 'post' });
  return { target, ...useStore(() => zone, zone.getSnapshot()) };
}

/**
 * One file's upload. Starting another upload aborts the previous one, and so does unmounting; to outlive the component,
 * use a queue.
 * @example const { upload, status, progress, error, file, pause, resume, abort } = useUpload(signpost);
 */
export function useUpload<App extends AppTypes = AppTypes>(signpost: Pick<Signpost<App>, 'upload'>) {
  const single = createSingleUpload(signpost);
  onUnmounted(single.keep());
  return { ...useStore(() => single, single.getSnapshot()), ...single.handles };
}
