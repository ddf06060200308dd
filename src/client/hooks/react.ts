'use client';

import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { AppTypes } from '../app-types.ts';
import type { Files } from '../create-files.ts';
import type { Signpost } from '../create-signpost.ts';
import { createDropZone } from '../queue/create-drop-zone.ts';
import { createFileList, type FileListSnapshot, type StoredFileList } from '../queue/create-file-list.ts';
import {
  createSingleUpload,
  IDLE_UPLOAD,
  type ShownUpload,
  type UploadHandles,
} from '../queue/create-single-upload.ts';
import type { QueueSnapshot } from '../queue/queue-item.ts';
import type { UploadQueue } from '../queue/upload-queue.ts';
import type { FileQuery } from '../stored-file.ts';

export type { FileListSnapshot, ShownUpload, StoredFileList, UploadHandles };

/**
 * A queue as a component's state: its `items` and `totals`, and its functions. Make the queue outside of the component,
 * so that uploads outlive it.
 *
 * ```tsx
 * const { items, add, remove } = useUploads(queue);
 * ```
 */
export function useUploads<App extends AppTypes = AppTypes>(
  queue: UploadQueue<App>,
): UploadQueue<App> & QueueSnapshot<App> {
  return { ...queue, ...useSyncExternalStore(queue.subscribe, queue.getSnapshot, queue.getServerSnapshot) };
}

/**
 * The user's confirmed files as a component's state, page after page. Another `query` begins another list.
 *
 * ```tsx
 * const { files, isLoading, error, hasMore, loadMore, remove } = useFiles(signpostFiles, { documentType: 'contract' });
 * ```
 *
 * @param source the result of `createFiles`, made outside of the component.
 */
export function useFiles<App extends AppTypes = AppTypes>(
  source: Files<App>,
  query: FileQuery<App> = {},
): StoredFileList<App> & FileListSnapshot<App> {
  const key = JSON.stringify(query);
  const list = useMemo(() => createFileList(source, JSON.parse(key)), [source, key]);
  return { ...list, ...useSyncExternalStore(list.subscribe, list.getSnapshot, list.getServerSnapshot) };
}

/**
 * An element that takes files: give it `ref`.
 *
 * ```tsx
 * const { ref, isOver } = useDropZone(queue.add);
 * ```
 *
 * @param onFiles called with what was dropped or pasted, in the event itself.
 */
export function useDropZone(onFiles: (data: DataTransfer) => unknown) {
  const latest = useRef(onFiles);
  useEffect(() => {
    latest.current = onFiles;
  });
  const [zone] = useState(() => createDropZone((data) => latest.current(data)));
  const { isOver } = useSyncExternalStore(zone.subscribe, zone.getSnapshot, zone.getSnapshot);
  const detach = useRef<(() => void) | null>(null);
  const ref = useCallback(
    (element: HTMLElement | null) => {
      detach.current?.();
      detach.current = element && zone.attach(element);
    },
    [zone],
  );
  return { ref, isOver };
}

/**
 * One file's upload as a component's state. Starting another upload aborts the previous one, and so does unmounting; to
 * outlive the component, use `signpost.upload` itself, or a queue.
 *
 * ```tsx
 * const { upload, status, progress, error, file, pause, resume, abort } = useUpload(signpost);
 * ```
 *
 * The functions stay the same as long as `signpost` does.
 */
export function useUpload<App extends AppTypes = AppTypes>(
  signpost: Pick<Signpost<App>, 'upload'>,
): ShownUpload<App> & UploadHandles<App> {
  const single = useMemo(() => createSingleUpload(signpost), [signpost]);
  const shown = useSyncExternalStore(single.subscribe, single.getSnapshot, () => IDLE_UPLOAD);
  useEffect(() => single.keep(), [single]);
  return { ...shown, ...single.handles };
}
