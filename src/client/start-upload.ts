import type { FileEncryption } from './file-encryption.ts';
import type { Limit } from './limit.ts';
import { prepareTransfer, requestFor, requestOf } from './prepare-transfer.ts';
import type { StoredFile } from './stored-file.ts';
import { type Content, callRepeatedly, isFinal, type Session, type Transfer } from './transfer.ts';
import type { Upload, UploadOptions } from './upload.ts';
import { fingerprintOf, type SavedUpload, type UploadMemory } from './upload-memory.ts';

/**
 * S3's minimum size of all parts but the last (S3 User Guide, "Amazon S3 multipart upload limits"): a smaller file has
 * nothing to resume.
 */
const MIN_RESUMABLE_BYTES = 5 * 1024 * 1024;

export type UploadSession = Session & {
  memory: UploadMemory;
  /** Fingerprints of the running uploads: two uploads of the same file must not share their parts. */
  active: Set<string>;
  limit: Limit;
  /** Of uploads that have none of their own. */
  encryption: FileEncryption | null;
};

/** Starts one upload as soon as the limit allows it. */
export function startUpload(session: UploadSession, file: File | Blob, options: UploadOptions): Upload {
  const stopped = new AbortController();
  let round = new AbortController();
  let resumed: Promise<void> | null = null;
  let endPause = () => {};
  let transfer: Transfer | null = null;
  /** What an abort must remove: set once something may be in the bucket. */
  let started: StartedUpload | null = null;
  let settled = false;
  let fingerprint: string | null = null;

  const onSent = (sentBytes: number) => {
    // Encrypted, it is a little longer.
    if (!settled) options.onProgress?.({ sentBytes: Math.min(sentBytes, file.size), totalBytes: file.size });
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

  /** Runs until the upload is done or interrupted; null when paused. */
  const runRound = async (): Promise<StoredFile | null> => {
    stopped.signal.throwIfAborted();
    if (resumed !== null) return null;
    round = new AbortController();
    const { signal } = round;
    try {
      if (transfer === null) {
        const prepared = await prepare(signal);
        if (!('run' in prepared)) return prepared;
        transfer = prepared;
        started = prepared;
      }
      return await transfer.run(signal);
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
        return stored;
      }
    } catch (error) {
      if (isFinal(error)) forget();
      throw error;
    } finally {
      if (fingerprint !== null) session.active.delete(fingerprint);
    }
  };

  let cleaned: Promise<void> = Promise.resolve();
  const abort = (reason: unknown = new DOMException('the upload was aborted', 'AbortError')): Promise<void> => {
    if (!settled && !stopped.signal.aborted) {
      stopped.abort(reason);
      round.abort(reason);
      endPause();
      forget();
      cleaned = requestRemoval(session, started);
    }
    return cleaned;
  };

  const onSignal = () => void abort(options.signal?.reason);
  const promise = new Promise<StoredFile>((resolve, reject) => {
    stopped.signal.addEventListener('abort', () => reject(stopped.signal.reason));
    if (options.signal?.aborted) onSignal();
    options.signal?.addEventListener('abort', onSignal);
    runAll().then(resolve, reject);
  }).finally(() => {
    settled = true;
    options.signal?.removeEventListener('abort', onSignal);
  });

  return Object.assign(promise, {
    pause: () => {
      resumed ??= new Promise((resolve) => {
        endPause = resolve;
      });
      round.abort();
    },
    resume: () => {
      resumed = null;
      endPause();
    },
    abort: () => abort(),
  });
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
