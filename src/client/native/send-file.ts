/** What is sent: a file by its place, never its bytes. `File` of `expo-file-system` is one. */
export type NativeFile = {
  /** `file:///…` or `content://…`. */
  uri: string;
  name: string;
  /** Bytes. */
  size: number | null;
  /** A media type; may be empty. */
  type?: string | null | undefined;
};

export type SendRequest = {
  /** A presigned URL for PUT. */
  url: string;
  /** They are signed: send exactly these. */
  headers: Record<string, string>;
  onSent: (sentBytes: number) => void;
  /** Aborted when sending has to stop. */
  signal: AbortSignal;
};

/**
 * Sends a whole file by one PUT.
 * @returns the bucket's answer, whatever its status is.
 * @throws if there is no answer, or when the signal is aborted.
 */
export type SendFile<Source extends NativeFile = NativeFile> = (
  file: Source,
  request: SendRequest,
) => Promise<{ status: number; body?: string | undefined }>;

/** The part of `File` of `expo-file-system` (SDK 56 and newer) that is used. */
type ExpoFile = NativeFile & {
  upload: (
    url: string,
    options: {
      httpMethod: 'PUT';
      headers: Record<string, string>;
      sessionType: 'background' | 'foreground';
      onProgress: (progress: { bytesSent: number }) => void;
      signal: AbortSignal;
    },
  ) => Promise<{ status: number; body: string }>;
};

/** By `File.upload` of `expo-file-system`: on iOS it goes on while the app is suspended, and after it was ended. */
export const sendByExpo: SendFile<ExpoFile> = (file, { url, headers, onSent, signal }) =>
  file.upload(url, {
    httpMethod: 'PUT',
    headers,
    sessionType: 'background',
    signal,
    onProgress: ({ bytesSent }) => onSent(bytesSent),
  });

/** The part of `expo-file-system/legacy`, and of `expo-file-system` before SDK 54, that is used. */
type ExpoLegacy = {
  createUploadTask: (
    url: string,
    uri: string,
    options: { httpMethod: 'PUT'; headers: Record<string, string>; uploadType: 0; sessionType: 0 },
    onProgress: (progress: { totalBytesSent: number }) => void,
  ) => {
    uploadAsync: () => Promise<{ status: number; body: string } | null | undefined>;
    cancelAsync: () => Promise<void>;
  };
};

/**
 * By an upload task of `expo-file-system/legacy`, in the background.
 * @example createFileUploads({ url, token, send: sendByLegacyExpo(FileSystem) });
 */
export function sendByLegacyExpo({ createUploadTask }: ExpoLegacy): SendFile {
  return async ({ uri }, { url, headers, onSent, signal }) => {
    signal.throwIfAborted();
    // The enumerations' values: BINARY_CONTENT and BACKGROUND.
    const options = { httpMethod: 'PUT', headers, uploadType: 0, sessionType: 0 } as const;
    const task = createUploadTask(url, uri, options, ({ totalBytesSent }) => onSent(totalBytesSent));
    const cancel = () => void task.cancelAsync().catch(() => {});
    signal.addEventListener('abort', cancel);
    try {
      const answer = await task.uploadAsync();
      signal.throwIfAborted();
      if (!answer) throw new Error('the upload was cancelled');
      return answer;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

/**
 * By `fetch`, only while the app is open. The `fetch` must read a file while it sends it, as that of `expo/fetch` does.
 * Reports no progress.
 * @example createFileUploads({ url, token, send: sendByFetch(fetch) });
 */
export function sendByFetch(fetchFile: typeof fetch): SendFile<NativeFile & Blob> {
  return async (file, { url, headers, signal }) => {
    const response = await fetchFile(url, { method: 'PUT', headers, body: file, signal });
    return { status: response.status, body: await response.text() };
  };
}
