import { noAnswer } from './no-answer.ts';
import { fileChanged, isBucketTransient, retryAfterSeconds, SignpostError } from './signpost-error.ts';
import type { Session } from './transfer.ts';

export type BytesToSend = {
  presignedUrl: string;
  headers?: Readonly<Record<string, string>>;
  body: Blob;
  /** How many bytes of the body have been sent. Without `XMLHttpRequest` and Node, called only at the end. */
  onSent: (sentBytes: number) => void;
  session: Pick<Session, 'fetch' | 'stallTimeoutMs' | 'reached' | 'sleep'>;
  signal: AbortSignal;
};

const PIECE_BYTES = 1024 ** 2;

type BucketAnswer = { status: number; header: (name: string) => string | null; text: string };

/**
 * One PUT to the bucket. Uses `XMLHttpRequest` where it exists, because `fetch` does not report upload progress.
 * @returns the ETag; null if the bucket's CORS rules do not expose it.
 * @throws {SignpostError} `bucket-refused`, `network-error` or `file-changed`; or the signal's reason.
 */
export async function sendBytes(toSend: BytesToSend): Promise<string | null> {
  toSend.signal.throwIfAborted();
  const { reached } = toSend.session;
  const { host } = new URL(toSend.presignedUrl);
  const send = globalThis.XMLHttpRequest ? sendByXhr : sendByFetch;
  const { status, header, text } = await send(toSend).catch(async (cause: unknown) => {
    toSend.signal.throwIfAborted();
    // For a file that was changed or removed meanwhile, a browser reports the same error as for a lost connection.
    const read = async () => toSend.body.slice(0, 1).arrayBuffer();
    await read()
      // In WebKit, a page that is being left cannot read files either. It is gone before the second attempt.
      .catch(() => toSend.session.sleep(1000, toSend.signal).then(read))
      .catch((cause: unknown) => {
        toSend.signal.throwIfAborted();
        throw fileChanged(cause);
      });
    throw await noAnswer({ url: toSend.presignedUrl, fetch: toSend.session.fetch }, reached.has(host), cause);
  });
  reached.add(host);
  if (status >= 200 && status < 300) {
    toSend.onSent(toSend.body.size);
    return header('etag');
  }
  const reason = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? '';
  throw new SignpostError({
    code: 'bucket-refused',
    status,
    detail: `the bucket answered ${status} ${reason}`.trimEnd(),
    retryable: isBucketTransient(status, reason),
    retryAfterSeconds: retryAfterSeconds(header('retry-after')),
  });
}

/** Whether the bucket has answered, even with a refusal. */
export function isAnswer(error: unknown): error is SignpostError {
  return error instanceof SignpostError && error.code === 'bucket-refused';
}

/** Whether the bucket may have refused because the URL, or the credentials that signed it, expired. */
export function isStaleUrl(error: unknown): boolean {
  return isAnswer(error) && (error.status === 403 || error.detail.endsWith('ExpiredToken'));
}

function sendByXhr({ presignedUrl, headers = {}, body, onSent, session, signal }: BytesToSend): Promise<BucketAnswer> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    let stalling: ReturnType<typeof setTimeout> | undefined;
    const restartStallTimer = () => {
      clearTimeout(stalling);
      stalling = setTimeout(stop, session.stallTimeoutMs);
    };
    xhr.open('PUT', presignedUrl);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => {
      restartStallTimer();
      if (!signal.aborted) onSent(event.loaded);
    };
    xhr.onload = () =>
      resolve({ status: xhr.status, header: (name) => xhr.getResponseHeader(name), text: xhr.responseText });
    xhr.onerror = reject;
    xhr.onabort = reject;
    xhr.onloadend = () => {
      clearTimeout(stalling);
      signal.removeEventListener('abort', stop);
    };
    signal.addEventListener('abort', stop);
    restartStallTimer();
    xhr.send(body);
  });
}

async function sendByFetch(toSend: BytesToSend): Promise<BucketAnswer> {
  const { presignedUrl, headers = {}, session, signal } = toSend;
  const body = countReads(toSend);
  const response = await session.fetch(presignedUrl, { method: 'PUT', headers, body, signal });
  return { status: response.status, header: (name) => response.headers.get(name), text: await response.text() };
}

/**
 * The same body, whose stream counts what is read. Only Node reads a `Blob` by its `stream`. A blob's own stream has
 * pieces of 64 KiB, which cost a third of an upload's CPU.
 */
function countReads({ body, onSent, signal }: BytesToSend): Blob {
  const counted = body.slice();
  counted.stream = () => {
    let sentBytes = 0;
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      if (sentBytes >= body.size) return controller.close();
      const piece = body.slice(sentBytes, sentBytes + PIECE_BYTES);
      controller.enqueue(new Uint8Array(await piece.arrayBuffer()));
      sentBytes += piece.size;
      if (!signal.aborted) onSent(sentBytes);
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  };
  return counted;
}
