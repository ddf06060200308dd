import type { CallService } from '../call-service.ts';
import { fitFileName } from '../fit-file-name.ts';
import type { Limit } from '../limit.ts';
import type { Progress } from '../progress.ts';
import { type RetryPolicy, retry } from '../retry.ts';
import { canTryAgain, isBucketTransient, networkError, SignpostError } from '../signpost-error.ts';
import { pickRemembered, type Remembered, type StoredFile } from '../stored-file.ts';
import { tellApp } from '../tell-app.ts';
import type { Upload } from '../upload.ts';
import type { UploadState } from '../upload-state.ts';
import { abortError, createAbort } from './create-abort.ts';
import type { createPendingUploads } from './pending-uploads.ts';
import type { NativeFile, SendFile } from './send-file.ts';

export type FileUploadOptions = Remembered & {
  /** Default: the file's own. */
  fileName?: string | undefined;
  /** Default: the file's own, or `application/octet-stream`. */
  contentType?: string | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Called with each new state, except the first one, `waiting`. */
  onState?: ((state: UploadState) => void) | undefined;
  /** Aborting it has the effect of `abort()`. */
  signal?: AbortSignal | undefined;
};

export type FileSession<Source extends NativeFile> = {
  call: CallService;
  send: SendFile<Source>;
  policy: RetryPolicy;
  limit: Limit;
  pending: ReturnType<typeof createPendingUploads>;
  expiresInSeconds: number;
  /** The keys of the uploads that this run of the app takes care of. */
  running: Set<string>;
};

type Ticket = { objectKey: string; presignedUrl: string; headers: Record<string, string>; expiresAt: string };

/** Starts one upload as soon as the limit allows it. */
export function startFileUpload<Source extends NativeFile>(
  session: FileSession<Source>,
  file: Source,
  options: FileUploadOptions,
): Upload {
  const { call, pending, policy, expiresInSeconds } = session;
  const stopped = createAbort();
  let round = createAbort();
  let paused: Promise<void> | null = null;
  let endPause = () => {};
  let ticket: Ticket | null = null;
  let isSent = false;
  let isOver = false;
  let sentBytes = 0;
  const totalBytes = file.size ?? 0;

  const enter = (state: UploadState) => {
    Object.assign(upload, { state });
    tellApp(options.onState, state);
  };
  /** Enters a state that a round reports, unless the round was ended. */
  const tell = (state: UploadState) => round.signal.aborted || enter(state);
  const onSent = (bytes: number, { signal } = round) => {
    if (signal.aborted || isOver) return;
    if (upload.state.status === 'retrying') enter({ status: 'uploading' });
    sentBytes = Math.min(bytes, totalBytes);
    tellApp(options.onProgress, { sentBytes, totalBytes });
  };
  const repeat = <Answer>(attempt: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> => {
    const onRetry = (error: SignpostError, nextAttemptAtMs: number) => {
      tell({ status: 'retrying', error, nextAttemptAtMs });
    };
    return retry(attempt, { ...policy, onRetry }, signal);
  };

  const presign = async (signal: AbortSignal): Promise<Ticket> => {
    if (file.size === null) throw fileGone();
    const body = {
      fileName: fitFileName(options.fileName ?? file.name),
      contentType: options.contentType || file.type || 'application/octet-stream',
      ...pickRemembered(options),
      size: file.size,
      method: 'PUT',
      expiresIn: expiresInSeconds,
    };
    const next = await repeat(() => call<Ticket>('/presign-upload', body, signal), signal);
    // Before the first byte: afterwards the app may be gone.
    const { objectKey, expiresAt } = next;
    session.running.add(objectKey);
    await pending.add({ objectKey, fileName: body.fileName, untilMs: Date.parse(expiresAt) });
    return next;
  };
  const confirm = (objectKey: string, signal: AbortSignal) =>
    repeat(() => call<StoredFile>('/confirm-upload', { objectKey }, signal), signal);

  /** One PUT; 412 means that it is there already, 403 that the URL has expired. */
  const sendOnce = async (to: Ticket, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const { presignedUrl: url, headers } = to;
    const { status, body = '' } = await session.send(file, { url, headers, onSent, signal }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw networkError(cause);
    });
    if ((status >= 200 && status < 300) || status === 412) return;
    const detail = /<Message>([^<]*)</.exec(body)?.[1] ?? `the bucket answered ${status}`;
    const retryable = isBucketTransient(status, /<Code>(\w+)</.exec(body)?.[1] ?? '');
    throw new SignpostError({ code: 'bucket-refused', status, detail, retryable });
  };
  /** @returns the file, if an earlier attempt had sent it and only the answer was lost. */
  const sendAll = async (signal: AbortSignal): Promise<StoredFile | null> => {
    for (let renewals = 0; !isSent; renewals++) {
      if (ticket === null) {
        tell({ status: 'preparing' });
        ticket = await presign(signal);
      }
      const current = ticket;
      tell({ status: 'uploading' });
      try {
        await repeat(() => sendOnce(current, signal), signal);
        isSent = true;
      } catch (error) {
        const isExpired = error instanceof SignpostError && error.status === 403 && renewals === 0;
        if (!isExpired) throw error;
        const stored = await confirm(current.objectKey, signal).catch(() => null);
        if (stored !== null) return stored;
        await pending.remove(current.objectKey);
        ticket = null;
      }
    }
    return null;
  };
  const run = async (signal: AbortSignal): Promise<StoredFile> => {
    const found = await sendAll(signal);
    const { objectKey } = ticket as Ticket;
    if (found === null) tell({ status: 'confirming', objectKey });
    const stored = found ?? (await confirm(objectKey, signal));
    await pending.remove(objectKey);
    return stored;
  };
  /** null after a pause. */
  const runRound = async (): Promise<StoredFile | null> => {
    stopped.signal.throwIfAborted();
    if (paused !== null) return null;
    round = createAbort();
    const { signal } = round;
    try {
      return await run(signal);
    } catch (error) {
      if (signal.aborted && !stopped.signal.aborted) return null;
      throw error;
    }
  };
  const runAll = async (): Promise<StoredFile> => {
    try {
      for (;;) {
        await paused;
        const stored = await session.limit(runRound);
        if (stored === null) continue;
        if (!isOver) enter({ status: 'done', file: stored });
        return stored;
      }
    } catch (error) {
      const retryable = canTryAgain(error);
      // What is in the bucket can be confirmed later.
      if (ticket !== null && !(isSent && retryable)) await pending.remove(ticket.objectKey);
      if (!isOver) enter({ status: 'failed', error, retryable });
      throw error;
    } finally {
      isOver = true;
      if (ticket !== null) session.running.delete(ticket.objectKey);
    }
  };

  const abort = async (reason: unknown = abortError()): Promise<void> => {
    if (isOver) return;
    isOver = true;
    stopped.abort(reason);
    round.abort(reason);
    endPause();
    enter({ status: 'aborted' });
    if (ticket === null) return;
    const { objectKey } = ticket;
    await pending.remove(objectKey);
    // The service sweeps what could not be removed.
    await call('/abort-upload', { objectKey }, createAbort().signal).catch(() => {});
  };
  const onSignal = () => void abort(options.signal?.reason ?? abortError());
  const promise = new Promise<StoredFile>((resolve, reject) => {
    stopped.signal.addEventListener('abort', () => reject(stopped.signal.reason));
    options.signal?.addEventListener('abort', onSignal);
    // Later, so that the caller has the upload first.
    queueMicrotask(() => {
      if (options.signal?.aborted) onSignal();
      runAll().then(resolve, reject);
    });
  }).finally(() => options.signal?.removeEventListener('abort', onSignal));
  promise.catch(() => {});

  const upload: Upload = Object.assign(promise, {
    state: { status: 'waiting' } as const satisfies UploadState,
    pause: () => {
      if (isOver || isSent || paused !== null) return;
      paused = new Promise((resolve) => {
        endPause = resolve;
      });
      round.abort();
      const lostBytes = sentBytes;
      sentBytes = 0;
      tellApp(options.onProgress, { sentBytes, totalBytes });
      enter({ status: 'paused', lostBytes });
    },
    resume: () => {
      if (isOver || paused === null) return;
      paused = null;
      endPause();
      enter({ status: 'waiting' });
    },
    abort: () => abort(),
  });
  return upload;
}

function fileGone(): SignpostError {
  return new SignpostError({ code: 'file-changed', status: 0, detail: 'the file cannot be read', retryable: false });
}
