import type { AppTypes } from '../app-types.ts';
import type { Signpost } from '../create-signpost.ts';
import type { Progress } from '../progress.ts';
import type { StoredFile } from '../stored-file.ts';
import type { Upload, UploadOptions } from '../upload.ts';
import type { UploadState } from '../upload-state.ts';
import { createStore, PROGRESS_MS, type Store } from './create-store.ts';

export type ShownUpload<App extends AppTypes = AppTypes> = {
  status: 'idle' | 'uploading' | 'paused' | 'done' | 'failed' | 'aborted';
  /** What the upload is doing, in more detail than `status`; null while `idle`. */
  state: UploadState<App> | null;
  progress: Progress;
  /** The error, usually a `SignpostError`; null unless `failed`. */
  error: unknown;
  /** The confirmed file; null unless `done`. */
  file: StoredFile<App> | null;
};

export type UploadHandles<App extends AppTypes = AppTypes> = {
  /** May be ignored or awaited: it rejects as `signpost.upload` does. Aborts the upload before it. */
  upload: (file: File | Blob, options?: UploadOptions<App>) => Upload<App>;
  pause: () => void;
  resume: () => void;
  /** Resolves when what had arrived is removed, or removing it failed. */
  abort: () => Promise<void>;
};

export type SingleUpload<App extends AppTypes = AppTypes> = Store<ShownUpload<App>> & {
  handles: UploadHandles<App>;
  /** Keeps the upload running until the returned function, and those of all other calls, have been called. */
  keep: () => () => void;
};

export const IDLE_UPLOAD: ShownUpload = {
  status: 'idle',
  state: null,
  progress: { sentBytes: 0, totalBytes: 0 },
  error: null,
  file: null,
};

/** One upload at a time, as a component shows it. */
export function createSingleUpload<App extends AppTypes = AppTypes>(
  signpost: Pick<Signpost<App>, 'upload'>,
): SingleUpload<App>;
export function createSingleUpload(signpost: Pick<Signpost, 'upload'>): SingleUpload {
  let shown = IDLE_UPLOAD;
  let running: Upload | null = null;
  let keepers = 0;
  const store = createStore(() => shown);
  const show = (patch: Partial<ShownUpload>, delayMs?: number) => {
    shown = { ...shown, ...patch };
    store.changed(delayMs);
  };
  const isAt = (...statuses: ShownUpload['status'][]) => statuses.includes(shown.status);
  const abort = async () => {
    if (isAt('uploading', 'paused')) show({ status: 'aborted' });
    await running?.abort();
  };

  return {
    subscribe: store.subscribe,
    getSnapshot: store.getSnapshot,
    keep: () => {
      keepers++;
      return () => {
        keepers--;
        // React's StrictMode unmounts and mounts again at once: the upload must continue then.
        setTimeout(() => keepers === 0 && void abort());
      };
    },
    handles: {
      upload: (file, options = {}) => {
        void running?.abort();
        /** Ignores later updates of an aborted upload. */
        const update = (patch: Partial<ShownUpload>, delayMs?: number) => running === upload && show(patch, delayMs);
        const upload = signpost.upload(file, {
          ...options,
          onProgress: (progress) => {
            update({ progress }, PROGRESS_MS);
            options.onProgress?.(progress);
          },
          onState: (state) => {
            update({ state });
            options.onState?.(state);
          },
        });
        running = upload;
        const progress = { sentBytes: 0, totalBytes: file.size };
        show({ ...IDLE_UPLOAD, status: 'uploading', state: upload.state, progress });
        upload.then(
          (file) => update({ status: 'done', file }),
          (error) => {
            const isAborted = upload.state.status === 'aborted';
            if (shown.status !== 'aborted') update(isAborted ? { status: 'aborted' } : { status: 'failed', error });
          },
        );
        return upload;
      },
      pause: () => {
        running?.pause();
        if (isAt('uploading')) show({ status: 'paused' });
      },
      resume: () => {
        running?.resume();
        if (isAt('paused')) show({ status: 'uploading' });
      },
      abort,
    },
  };
}
