import type { FileEncryption } from './file-encryption.ts';
import type { Limit } from './limit.ts';
import { prepareTransfer, requestFor, requestOf } from './prepare-transfer.ts';
import { canTryAgain } from './signpost-error.ts';
import type { StoredFile } from './stored-file.ts';
import {
  type Content,
  callRepeatedly,
  findStored,
  isFinal,
  isGone,
  type OnSent,
  type Session,
  type Transfer,
} from './transfer.ts';
import type { Upload, UploadOptions } from './upload.ts';
import { fingerprintOf, type SavedUpload, type UploadMemory } from './upload-memory.ts';
import type { UploadState } from './upload-state.ts';

/**
 * S3's minimum size of all parts but the last (S3 User Guide, "Amazon S3 multipart upload limits"): a smaller file has
 * nothing to resume.
 */
const MIN_RESUMABLE_BYTES = 5 * 1024 * 1024;

/** How often an upload begins anew that others have removed from the bucket. */
const MAX_RESTARTS = 2;

export type UploadSession = Session & {
  memory: UploadMemory;
  /** Fingerprints of the running uploads: two uploads of the same file must not share their parts. */
  active: Set<string>;
  limit: Limit;
  /** Of uploads that have none of their own. */
  encryption: FileEncryption | null;
};

/** Starts one upload as soon as the limit allows it. */
export function startUpload(common: UploadSession, file: File | Blob, options: UploadOptions): Upload {
  const stopped = new AbortController();
  let round = new AbortController();
  let resumed: Promise<void> | null = null;
  let endPause = () => {};
  let transfer: Transfer | null = null;
  /** What an abort must remove: set once something may be in the bucket. */
  let started: StartedUpload | null = null;
  let settled = false;
  let fingerprint: string | null = null;
  let restarts = 0;
  /** The key of an upload that is gone: completed elsewhere, aborted or swept. */
  let goneKey: string | null = null;

  const enter = (next: UploadState) => {
    if (upload.state.status === next.status && next.status !== 'retrying') return;
    Object.assign(upload, { state: next });
    options.onState?.(next);
  };
  /** What a running round tells; a round that was ended has nothing to tell. */
  const tell = (next: UploadState) => round.signal.aborted || enter(next);

  let sent = 0;
  let kept = 0;
  const onSent: OnSent = (sentBytes, keptBytes) => {
    // A repeated request goes on when it has sent more.
    if (sentBytes > sent) tell({ status: 'uploading' });
    // Encrypted, it is a little longer.
    sent = Math.min(sentBytes, file.size);
    kept = Math.min(keptBytes, file.size);
    if (!round.signal.aborted) options.onProgress?.({ sentBytes: sent, totalBytes: file.size });
  };
  /** Shows only what is kept, and returns how much more was sent. */
  const stepBack = () => {
    const lostBytes = sent - kept;
    if (lostBytes > 0) options.onProgress?.({ sentBytes: kept, totalBytes: file.size });
    sent = kept;
    return lostBytes;
  };

  const session: UploadSession = {
    ...common,
    onRetry: (error, nextAttemptAtMs) =>
      tell(
        error.status === 0 && globalThis.navigator?.onLine === false
          ? { status: 'offline' }
          : { status: 'retrying', error, nextAttemptAtMs },
      ),
  };
  const forget = () => fingerprint !== null && session.memory.forget(fingerprint);

  const prepare = async (signal: AbortSignal): Promise<Transfer | StoredFile> => {
    const { checksum = false, encryption = session.encryption } = options;
    const request = await requestOf(file, options);
    // An encryption goes on only with the same bytes, and without its date a blob may be another one.
    const isResumable = encryption === null || 'lastModified' in file;
    if (file.size >= MIN_RESUMABLE_BYTES && isResumable && fingerprint === null) {
      const found = await fingerprintOf(file, encryption === null ? request : [request]);
      if (!session.active.has(found)) {
        session.active.add(found);
        fingerprint = found;
      }
    }
    let saved = fingerprint === null ? null : session.memory.find(fingerprint);
    started = saved;
    const plain: Content = { size: file.size, read: (start, end) => file.slice(start, end) };
    const content = (await encryption?.encrypt(file, request.contentType, saved?.encryption)) ?? plain;
    if (content.envelope !== saved?.encryption) saved = null;
    const onBegun = (upload: SavedUpload) => fingerprint !== null && session.memory.save(fingerprint, upload);
    const preparation = { request: requestFor(request, content), checksum, saved, onBegun, onSent };
    return prepareTransfer(session, content, preparation, signal);
  };

  /** @returns null if the upload must begin anew. */
  const run = async (signal: AbortSignal): Promise<StoredFile | null> => {
    if (transfer === null) {
      tell({ status: 'preparing' });
      if (goneKey !== null) {
        const stored = await findStored(session, goneKey, signal);
        if (stored !== null) return stored;
        goneKey = null;
        forget();
        onSent(0, 0);
      }
      const prepared = await prepare(signal);
      if (!('send' in prepared)) return prepared;
      transfer = prepared;
      started = prepared;
    }
    try {
      tell({ status: 'uploading' });
      const stored = await transfer.send(signal);
      if (stored !== null) return stored;
      tell({ status: 'confirming' });
      const { objectKey, uploadId, parts } = transfer;
      return await callRepeatedly(session, '/confirm-upload', { objectKey, uploadId, ...parts?.() }, signal);
    } catch (error) {
      if (!isGone(error) || restarts++ === MAX_RESTARTS) throw error;
      goneKey = transfer.objectKey;
      transfer = null;
      return null;
    }
  };

  /** Runs until the upload is done or interrupted; null when it is not done. */
  const runRound = async (): Promise<StoredFile | null> => {
    stopped.signal.throwIfAborted();
    if (resumed !== null) return null;
    round = new AbortController();
    const { signal } = round;
    try {
      return await run(signal);
    } catch (error) {
      if (signal.aborted && !stopped.signal.aborted) return null;
      throw error;
    } finally {
      // Stops the parts that are still being sent when one has failed.
      round.abort();
    }
  };

  const runAll = async (): Promise<StoredFile> => {
    try {
      for (;;) {
        await resumed;
        const stored = await session.limit(runRound);
        if (stored === null) continue;
        forget();
        if (!settled) enter({ status: 'done', file: stored });
        return stored;
      }
    } catch (error) {
      if (isFinal(error)) forget();
      if (!settled) {
        stepBack();
        enter({ status: 'failed', error, retryable: canTryAgain(error) });
      }
      throw error;
    } finally {
      settled = true;
      if (fingerprint !== null) session.active.delete(fingerprint);
    }
  };

  let cleaned: Promise<void> = Promise.resolve();
  const abort = (reason: unknown = new DOMException('the upload was aborted', 'AbortError')): Promise<void> => {
    if (!settled) {
      settled = true;
      stopped.abort(reason);
      round.abort(reason);
      endPause();
      forget();
      cleaned = requestRemoval(common, started);
      enter({ status: 'aborted' });
    }
    return cleaned;
  };

  const onSignal = () => void abort(options.signal?.reason);
  const promise = new Promise<StoredFile>((resolve, reject) => {
    stopped.signal.addEventListener('abort', () => reject(stopped.signal.reason));
    options.signal?.addEventListener('abort', onSignal);
    // Later, when the caller has the upload.
    queueMicrotask(() => {
      if (options.signal?.aborted) onSignal();
      runAll().then(resolve, reject);
    });
  }).finally(() => options.signal?.removeEventListener('abort', onSignal));
  // Whoever ignores it is told by its state; whoever awaits it is told as well.
  promise.catch(() => {});

  const upload: Upload = Object.assign(promise, {
    state: { status: 'waiting' } as const satisfies UploadState,
    pause: () => {
      if (settled || resumed !== null) return;
      resumed = new Promise((resolve) => {
        endPause = resolve;
      });
      round.abort();
      enter({ status: 'paused', lostBytes: stepBack() });
    },
    resume: () => {
      if (settled || resumed === null) return;
      resumed = null;
      endPause();
      enter({ status: 'waiting' });
    },
    abort: () => abort(),
  });
  return upload;
}

type StartedUpload = { objectKey: string; uploadId?: string };

async function requestRemoval(session: Session, started: StartedUpload | null): Promise<void> {
  if (started === null) return;
  const { objectKey, uploadId } = started;
  try {
    // Who cancels without a connection does not wait for it.
    const impatient = { ...session, giveUpAfterMs: 0 };
    await callRepeatedly(impatient, '/abort-upload', { objectKey, uploadId }, new AbortController().signal);
  } catch {
    // The caller could do nothing about a failure; the service sweeps unconfirmed uploads.
  }
}
