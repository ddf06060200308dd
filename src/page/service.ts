import { SignpostError, type StoredFile } from '../client/create-signpost.ts';

export type Service = ReturnType<typeof createService>;
export type FilePage = { files: StoredFile[]; nextCursor: string | null };
/** `headers` carry the file's own key, where it has one (SSE-C): no element of a page can send them. */
export type Download = { presignedUrl: string; headers?: Record<string, string> };
type DownloadOptions = { disposition: 'attachment' | 'inline'; expiresIn?: number };

const PAGE_FILES = 50;

/** The routes that an app calls itself, in addition to the SDK's. Each throws a `SignpostError`. */
export function createService(token: () => string) {
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${token()}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new SignpostError({ code: 'network-error', status: 0, detail: '', retryable: true, cause });
    });
    if (response.status === 204) return undefined;
    const json = await response.json().catch(() => null);
    if (response.ok && json !== null) return json;
    const { status } = response;
    const { code = 'unexpected-answer', detail = `${path} answered ${status}`, errors, requestId } = json ?? {};
    throw new SignpostError({ ...{ code, status, detail, errors, requestId }, retryable: status >= 500 });
  };

  return {
    /** A page of the user's files, newest first; without a cursor, the first page. */
    listFiles: (cursor: string | null): Promise<FilePage> =>
      call('GET', `/files?${new URLSearchParams({ limit: String(PAGE_FILES), ...(cursor !== null && { cursor }) })}`),
    deleteFile: (fileId: string): Promise<void> => call('DELETE', `/files/${fileId}`),
    presignDownload: (fileId: string, options: DownloadOptions): Promise<Download> =>
      call('POST', '/presign-download', { fileId, ...options }),
  };
}
