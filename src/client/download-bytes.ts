import type { Progress } from './progress.ts';
import { type RetryPolicy, retry } from './retry.ts';
import { isTransient, networkError, retryAfterSeconds, SignpostError } from './signpost-error.ts';
import { tellApp } from './tell-app.ts';

/** Where a file's bytes are read. `headers`, if any, must be sent with it. */
export type DownloadTicket = {
  presignedUrl: string;
  headers?: Readonly<Record<string, string>>;
  file: { size: number; etag: string };
};

export type DownloadTask = {
  /** Asks for a new URL: called first, and again when an attempt was refused or broke off. */
  presign: (signal: AbortSignal) => Promise<DownloadTicket>;
  fetch: typeof fetch;
  /** First byte, counted from 0. */
  start: number;
  /** One past the last byte; undefined: to the end of the file. */
  end: number | undefined;
  onProgress: ((progress: Progress) => void) | undefined;
  /** A connection that brings nothing for so long is lost, or no answer for five times as long. Default 60,000. */
  stallTimeoutMs?: number | undefined;
};

/**
 * The bytes of a stored file, in order. When the connection breaks, the download continues at the next byte, if the
 * file is still the same (RFC 9110, section 14.2).
 * @throws {SignpostError} `network-error`, `bucket-refused`, `unexpected-answer` if another server answers, such as a
 * proxy, or `conflict` if the file changed meanwhile.
 */
export async function* downloadBytes(
  { presign, fetch, start, end, onProgress, stallTimeoutMs = 60_000 }: DownloadTask,
  policy: RetryPolicy,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let at = start;
  let etag: string | null = null;

  /** One attempt to read on from `at`. `close`: a connection that is lost must not take the place of the next one. */
  const open = async () => {
    const ticket = await presign(signal);
    const { size } = ticket.file;
    if (etag !== null && etag !== ticket.file.etag) throw changed();
    etag = ticket.file.etag;
    const stop = Math.min(end ?? size, size);
    if (at >= stop) return { stop, body: null, response: null };
    const isWhole = at === 0 && stop === size;
    const headers = { ...ticket.headers, ...(!isWhole && { range: `bytes=${at}-${stop - 1}` }) };
    const connection = new AbortController();
    const close = () => connection.abort();
    signal.addEventListener('abort', close, connection);
    try {
      signal.throwIfAborted();
      const answer = fetch(ticket.presignedUrl, { headers, signal: connection.signal });
      // Longer, because browsers let a request wait while six others of the same server are open.
      const response = await inTime(answer, 5 * stallTimeoutMs).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw networkError(cause);
      });
      if (!response.ok || response.body === null) throw await refusal(response);
      const bytes = lengthOf(response);
      if (response.status !== (isWhole ? 200 : 206) || (bytes ?? stop - at) !== stop - at) throw notTheFile(response);
      return { stop, body: response.body, close, response: bytes === null ? response : null };
    } catch (error) {
      close();
      throw error;
    }
  };

  for (let failures = 0; ; ) {
    const { stop, body, close, response } = await retry(open, policy, signal);
    const startedAt = at;
    try {
      if (body !== null) {
        for await (const chunk of chunksOf(body, stallTimeoutMs)) {
          at += chunk.length;
          if (at > stop) throw changed();
          yield chunk;
          tellApp(onProgress, { sentBytes: at - start, totalBytes: stop - start });
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SignpostError) throw error;
      failures = at > startedAt ? 1 : failures + 1;
      if (failures >= policy.maxAttempts) throw networkError(error);
      continue;
    } finally {
      close?.();
    }
    if (at >= stop) return;
    // What ends without an error, and did not say how long it is, may be a page of its own.
    if (response !== null && at > startedAt) throw notTheFile(response);
    failures = at > startedAt ? 1 : failures + 1;
    if (failures >= policy.maxAttempts) throw networkError();
  }
}

/** Not every browser can iterate over a stream. The time that the reader takes for a chunk does not count. */
async function* chunksOf(body: ReadableStream<Uint8Array>, withinMs: number): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  const read = () => inTime(reader.read(), withinMs);
  try {
    for (let next = await read(); !next.done; next = await read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Rejects if it takes longer: a connection may be lost without an error. */
function inTime<Result>(work: Promise<Result>, withinMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the connection is silent')), withinMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function refusal(response: Response): Promise<SignpostError> {
  const { status } = response;
  const text = await response.text().catch(() => '');
  const reason = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? '';
  const refused = { code: 'bucket-refused', detail: `the bucket answered ${status} ${reason}`.trimEnd() };
  const isProblem = text !== '' && response.headers.get('content-type') === 'application/problem+json';
  const {
    code,
    detail,
    requestId = null,
  }: typeof refused & { requestId?: string | null } = isProblem ? JSON.parse(text) : refused;
  return new SignpostError({
    code,
    status,
    detail,
    requestId,
    retryable: isTransient(status),
    retryAfterSeconds: retryAfterSeconds(response.headers.get('retry-after')),
  });
}

/** How many bytes will come; null if the answer does not say, or says it of the compressed bytes. */
function lengthOf({ headers }: Response): number | null {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? null : Number(length);
}

/** Another server's answer with 200, such as the page of a proxy: its bytes must not get among those of the file. */
function notTheFile({ url, status }: Response): SignpostError {
  const address = url.split('?')[0];
  return new SignpostError({
    code: 'unexpected-answer',
    status,
    detail: `${address} answered ${status}, and not with the file`,
    retryable: true,
  });
}

function changed(): SignpostError {
  return new SignpostError({ code: 'conflict', status: 409, detail: 'the file has changed', retryable: false });
}
