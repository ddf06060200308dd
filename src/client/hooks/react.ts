'use client';

import { useEffect, useMemo, useRef, useState } from 'react';
import type { Progress, Signpost, StoredFile, Upload, UploadOptions, UploadState } from './create-signpost.ts';

export type ShownUpload = {
  status: 'idle' | 'uploading' | 'paused' | 'done' | 'failed' | 'aborted';
  /** What the upload is doing, in more detail than `status`; null while `idle`. */
  state: UploadState | null;
  progress: Progress;
  /** The error, usually a `SignpostError`; null unless `failed`. */
  error: unknown;
  /** The confirmed file; null unless `done`. */
  file: StoredFile | null;
};

const IDLE: ShownUpload = {
  ...{ status: 'idle', state: null, progress: { sentBytes: 0, totalBytes: 0 }, error: null, file: null },
};

/**
 * One file's upload as a component's state. Starting another upload aborts the previous one, and so does unmounting; to
 * outlive the component, use `signpost.upload` itself.
 *
 * ```tsx
 * const { upload, status, progress, error, file, pause, resume, abort } = useUpload(signpost);
 * ```
 *
 * `upload` may be ignored or awaited (it rejects as `signpost.upload` does). The functions stay the same as long as
 * `signpost` does.
 */
export function useUpload(signpost: Signpost) {
  const [state, setState] = useState(IDLE);
  const running = useRef<Upload | null>(null);
  const unmountTimer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const handles = useMemo(() => {
    const changeStatus = (from: ShownUpload['status'][], status: ShownUpload['status']) =>
      setState((state) => (from.includes(state.status) ? { ...state, status } : state));
    return {
      upload: (file: File | Blob, options: UploadOptions = {}): Upload => {
        void running.current?.abort();
        /** Ignores later updates of an aborted upload. */
        const change = (next: (shown: ShownUpload) => ShownUpload) => running.current === upload && setState(next);
        const upload = signpost.upload(file, {
          ...options,
          onProgress: (progress) => {
            change((state) => ({ ...state, progress }));
            options.onProgress?.(progress);
          },
          onState: (state) => {
            change((shown) => ({ ...shown, state }));
            options.onState?.(state);
          },
        });
        running.current = upload;
        setState({
          ...IDLE,
          status: 'uploading',
          state: upload.state,
          progress: { sentBytes: 0, totalBytes: file.size },
        });
        upload.then(
          (file) => change((state) => ({ ...state, status: 'done', file })),
          (error) =>
            change((state) => {
              if (state.status === 'aborted') return state;
              return options.signal?.aborted ? { ...state, status: 'aborted' } : { ...state, status: 'failed', error };
            }),
        );
        return upload;
      },
      pause: (): void => {
        running.current?.pause();
        changeStatus(['uploading'], 'paused');
      },
      resume: (): void => {
        running.current?.resume();
        changeStatus(['paused'], 'uploading');
      },
      /** Resolves when what had arrived is removed, or removing it failed. */
      abort: async (): Promise<void> => {
        changeStatus(['uploading', 'paused'], 'aborted');
        await running.current?.abort();
      },
    };
  }, [signpost]);

  useEffect(() => {
    // StrictMode unmounts and mounts again at once: an upload started meanwhile must continue.
    clearTimeout(unmountTimer.current);
    return () => {
      unmountTimer.current = setTimeout(() => void running.current?.abort());
    };
  }, []);

  return { ...state, ...handles };
}
