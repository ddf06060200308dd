import type { Signpost, StoredFile, Upload, UploadState } from '../client/create-signpost.ts';

/** `relativePath`: its place in the chosen folder, with the folder's name. */
export type ChosenFile = { file: File; relativePath: string | null };

export type UploadItem = ReturnType<typeof createUploadItem>;

export type UploadEvents = {
  /** Bytes were sent, or the state has changed. */
  onChange: () => void;
  onStored: (item: UploadItem, stored: StoredFile) => void;
  onFailed: (item: UploadItem, error: unknown) => void;
};

/** One file's upload, running or failed, without anything that is shown of it: thousands may wait. */
export function createUploadItem({ file, relativePath }: ChosenFile, signpost: Signpost, on: UploadEvents) {
  let state: UploadState = { status: 'waiting' };
  let sentBytes = 0;
  /** null: waits for its turn. */
  let upload: Upload | null = null;

  const begin = () => {
    upload = signpost.upload(file, {
      ...(relativePath !== null && { metadata: { 'relative-path': relativePath } }),
      onProgress: (reported) => {
        sentBytes = reported.sentBytes;
        on.onChange();
      },
      onState: (next) => {
        state = next;
        if (next.status === 'done') on.onStored(item, next.file);
        else if (next.status === 'failed') on.onFailed(item, next.error);
        else on.onChange();
      },
    });
  };

  const item = {
    file,
    state: () => state,
    sentBytes: () => sentBytes,
    /** Whether it takes part now; `begin` lets it. */
    isBegun: () => upload !== null,
    begin,
    retry: (): void => {
      state = { status: 'waiting' };
      begin();
    },
    pause: (): void => {
      if (upload !== null) upload.pause();
      else if (state.status === 'waiting') state = { status: 'paused', lostBytes: 0 };
    },
    resume: (): void => {
      if (upload !== null) upload.resume();
      else if (state.status === 'paused') state = { status: 'waiting' };
    },
    /** Aborts a running upload, dismisses a failed one. */
    cancel: (): void => {
      state = { status: 'aborted' };
      void upload?.abort();
    },
  };
  return item;
}
