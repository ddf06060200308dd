import type { AppTypes } from './app-types.ts';
import { type CallService, createCallService, type ServiceOptions } from './call-service.ts';
import { type DownloadTicket, downloadBytes } from './download-bytes.ts';
import type { FileEncryption } from './file-encryption.ts';
import type { Progress } from './progress.ts';
import { type RetryPolicy, sleep as realSleep, retry } from './retry.ts';
import type { FileChange, FileEvent, FilePage, FileQuery, StoredFile, UrlOptions, Usage } from './stored-file.ts';

export type DownloadUrl<App extends AppTypes = AppTypes> = DownloadTicket & {
  /** ISO 8601. */
  expiresAt: string;
  file: StoredFile<App>;
};

export type DownloadOptions = {
  /**
   * Decrypts the file; `start`, `end` and progress count bytes before encryption. null: the bytes as they are stored.
   * Default: that of `createFiles`.
   */
  encryption?: FileEncryption | null | undefined;
  /** First byte, counted from 0, to continue an earlier download. Default 0. */
  start?: number | undefined;
  /** One past the last byte. Default: the end of the file. */
  end?: number | undefined;
  /** Bytes of this download; `totalBytes` is what was asked for. */
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
};

export type FilesOptions = Omit<ServiceOptions, 'fetch'> & {
  /** Default: the global one. */
  fetch?: typeof fetch | undefined;
  /** Total attempts of each request, with exponential backoff between them. Default 8. */
  maxAttempts?: number | undefined;
  /**
   * Decrypts every download: `withKeys` or `withPassword` of `signpost/encryption`. Then a file that is not encrypted
   * is refused, because it may have replaced an encrypted one. Default: none.
   */
  encryption?: FileEncryption | null | undefined;
  /**
   * Downloads through the service (`GET /files/{fileId}/content`) instead of from the bucket. Needed with
   * `PROXY_DOWNLOADS=only`. Default false.
   */
  throughService?: boolean | undefined;
  /**
   * A download continues in another connection if one brings no byte for this many milliseconds, since connections may
   * be lost without an error; a request without an answer is repeated after five times as many. 1 to 400,000,000, since
   * a timer takes no more; default 60,000.
   */
  stallTimeoutMs?: number | undefined;
  /** For tests. */
  random?: (() => number) | undefined;
  sleep?: RetryPolicy['sleep'] | undefined;
};

export type Files<App extends AppTypes = AppTypes> = {
  /**
   * The user's files, a page at a time.
   * @example for await (const { files } of signpostFiles.list({ documentType: 'contract' })) show(files);
   */
  list: (query?: FileQuery<App>, signal?: AbortSignal) => AsyncGenerator<FilePage<App>, void>;
  get: (fileId: string) => Promise<StoredFile<App>>;
  /** A presigned URL for links, images and players. */
  downloadUrl: (fileId: string, options?: UrlOptions) => Promise<DownloadUrl<App>>;
  /** Downloads into memory. */
  download: (fileId: string, options?: DownloadOptions) => Promise<Blob>;
  /**
   * Downloads into a stream, for example one from `FileSystemFileHandle.createWritable()`, which it closes at the end.
   * After an error the stream is aborted; what it has can be continued with `start`.
   */
  downloadTo: (fileId: string, stream: WritableStream<Uint8Array>, options?: DownloadOptions) => Promise<void>;
  update: (fileId: string, change: FileChange<App>) => Promise<StoredFile<App>>;
  /** Archived files are not listed by default, and cannot be downloaded. */
  archive: (fileId: string) => Promise<StoredFile<App>>;
  restore: (fileId: string) => Promise<StoredFile<App>>;
  remove: (fileId: string) => Promise<void>;
  /** The newest events of one file in the audit log: at most 100. */
  events: (fileId: string) => Promise<FileEvent[]>;
  usage: () => Promise<Usage>;
};

/**
 * The confirmed files of the token's user. Each function throws a `SignpostError`; lost connections and temporary
 * refusals are retried.
 * @example
 * const files = createFiles({ url: 'https://uploads.example.com', token: () => session.token() });
 * const { presignedUrl } = await files.downloadUrl(fileId, { disposition: 'inline' });
 */
export function createFiles<App extends AppTypes = AppTypes>(options: FilesOptions): Files<App> {
  const given = options.fetch ?? globalThis.fetch;
  const fetch: typeof globalThis.fetch = (input, init) => given(input, init);
  const { maxAttempts = 8, random = Math.random, sleep = realSleep } = options;
  const policy = { maxAttempts, now: Date.now, random, sleep };
  const callOnce: CallService = createCallService({ ...options, fetch });
  const call = <Answer>(method: string, path: string, body?: unknown, signal = new AbortController().signal) =>
    retry(() => callOnce<Answer>(path, body, signal, method), policy, signal);
  const pathOf = (fileId: string, action = '') => `/files/${encodeURIComponent(fileId)}${action}`;
  const presign = (fileId: string, urlOptions: UrlOptions = {}, signal?: AbortSignal) =>
    call<DownloadUrl<App>>('POST', '/presign-download', { fileId, ...urlOptions }, signal);
  /** Where the bytes are read. */
  const locate = async (fileId: string, signal: AbortSignal): Promise<DownloadTicket & { file: StoredFile }> => {
    if (!options.throughService) return presign(fileId, {}, signal);
    const file = await call<StoredFile>('GET', pathOf(fileId), undefined, signal);
    const { url, token } = options;
    const bearer = typeof token === 'function' ? await token() : token;
    const headers = { ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) };
    return { presignedUrl: url.replace(/\/+$/, '') + pathOf(fileId, '/content'), headers, file };
  };
  async function* bytesOf(fileId: string, downloadOptions: DownloadOptions) {
    const { encryption = options.encryption, start = 0, end, onProgress } = downloadOptions;
    const shared = downloadOptions.signal ?? new AbortController().signal;
    // One each: Node warns of a signal with more than ten listeners. Not every browser has `any`.
    const signal = AbortSignal.any?.([shared]) ?? shared;
    let first = encryption ? await locate(fileId, signal) : null;
    const takeUrl = async () => {
      const url = first ?? (await locate(fileId, signal));
      first = null;
      return url;
    };
    const task = { presign: takeUrl, fetch, start, end, onProgress, stallTimeoutMs: options.stallTimeoutMs };
    if (!first || !encryption) return yield* downloadBytes(task, policy, signal);
    yield* encryption.decrypt(first.file, task, (start, end) =>
      downloadBytes({ ...task, start, end, onProgress: undefined }, policy, signal),
    );
  }

  return {
    async *list(query = {}, signal) {
      for (let cursor = query.cursor ?? null; ; ) {
        const page = await call<FilePage>('GET', `/files?${toQuery({ ...query, cursor })}`, undefined, signal);
        yield page;
        if (page.nextCursor === null) return;
        cursor = page.nextCursor;
      }
    },
    get: (fileId) => call('GET', pathOf(fileId)),
    downloadUrl: presign,
    download: async (fileId, downloadOptions = {}) => {
      const chunks: BlobPart[] = [];
      for await (const chunk of bytesOf(fileId, downloadOptions)) chunks.push(new Uint8Array(chunk));
      return new Blob(chunks);
    },
    downloadTo: async (fileId, stream, downloadOptions = {}) => {
      const writer = stream.getWriter();
      try {
        for await (const chunk of bytesOf(fileId, downloadOptions)) await writer.write(chunk);
        await writer.close();
      } catch (error) {
        await writer.abort(error).catch(() => {});
        throw error;
      }
    },
    update: (fileId, change) => call('PATCH', pathOf(fileId), change),
    archive: (fileId) => call('POST', pathOf(fileId, '/archive')),
    restore: (fileId) => call('POST', pathOf(fileId, '/restore')),
    remove: (fileId) => call('DELETE', pathOf(fileId)),
    events: async (fileId) =>
      (await call<{ events: FileEvent[] }>('GET', `/audit?${toQuery({ fileId, limit: 100 })}`)).events,
    usage: () => call('GET', '/usage'),
  };
}

function toQuery(query: Readonly<Record<string, string | number | null | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return String(new URLSearchParams(given.map(([name, value]) => [name, String(value)])));
}
