import type { Limit } from './limit.ts';
import { runUpload, type UploadSession } from './run-upload.ts';
import { canTryAgain } from './signpost-error.ts';
import type { StoredFile } from './stored-file.ts';
import { tellApp } from './tell-app.ts';
import type { OnSent } from './transfer.ts';
import type { Upload, UploadOptions } from './upload.ts';
import type { UploadState } from './upload-state.ts';

/** Starts one upload as soon as the limit allows it. */
export function startUpload(
  session: UploadSession & { limit: Limit },
  file: File | Blob,
  options: UploadOptions,
): Upload {
  const stopped = new AbortController();
  let round = new AbortController();
  let resumed: Promise<void> | null = null;
  let endPause = () => {};
  let settled = false;

  const enter = (next: UploadState) => {
    if (upload.state.status === next.status && next.status !== 'retrying') return;
    Object.assign(upload, { state: next });
    tellApp(options.onState, next);
  };
  /** Enters a state that a round reports, unless the round was ended. */
  const tell = (next: UploadState) => round.signal.aborted || enter(next);

  let sent = 0;
  let kept = 0;
  const tellProgress = () => tellApp(options.onProgress, { sentBytes: sent, totalBytes: file.size });
  const onSent: OnSent = (sentBytes, keptBytes) => {
    const isMore = sentBytes > sent;
    // Encrypted, it is a little longer.
    sent = Math.min(sentBytes, file.size);
    kept = Math.min(keptBytes, file.size);
    if (!round.signal.aborted) tellProgress();
    // A repeated request counts as running once it has sent more.
    if (isMore) tell({ status: 'uploading' });
  };
  /** Shows only what is kept, and returns how much more was sent. */
  const stepBack = () => {
    const lostBytes = sent - kept;
    sent = kept;
    if (lostBytes > 0) tellProgress();
    return lostBytes;
  };

  const onRetry: UploadSession['onRetry'] = (error, nextAttemptAtMs) =>
    tell(
      error.status === 0 && globalThis.navigator?.onLine === false
        ? { status: 'offline' }
        : { status: 'retrying', error, nextAttemptAtMs },
    );
  const run = runUpload({ ...session, onRetry }, file, options, onSent, tell);

  /** Runs until the upload is done or interrupted; null when it is not done. */
  const runRound = async (): Promise<StoredFile | null> => {
    stopped.signal.throwIfAborted();
    if (resumed !== null) return null;
    round = new AbortController();
    const { signal } = round;
    const isFollower = run.isFollower();
    let stored: StoredFile | null = null;
    try {
      stored = await (isFollower ? run.follow : run.send)(signal);
    } catch (error) {
      if (!signal.aborted || stopped.signal.aborted) throw error;
    } finally {
      // Stops the parts that are still being sent when one has failed.
      round.abort();
      if (stopped.signal.aborted) void cleaned.finally(run.leave);
      // A follower whose turn has come sends in the next round.
      else if (stored !== null || !isFollower) run.leave(stored);
    }
    return stored;
  };

  const runAll = async (): Promise<StoredFile> => {
    try {
      for (;;) {
        await resumed;
        const stored = await (run.isFollower() ? runRound() : session.limit(runRound));
        if (stored === null) continue;
        if (!settled) enter({ status: 'done', file: stored });
        return stored;
      }
    } catch (error) {
      if (!settled) {
        stepBack();
        enter({ status: 'failed', error, retryable: canTryAgain(error) });
      }
      throw error;
    } finally {
      settled = true;
    }
  };

  let cleaned: Promise<void> = Promise.resolve();
  const abort = (reason: unknown = new DOMException('the upload was aborted', 'AbortError')): Promise<void> => {
    if (!settled) {
      settled = true;
      cleaned = run.discard();
      void cleaned.finally(run.leave);
      stopped.abort(reason);
      round.abort(reason);
      endPause();
      enter({ status: 'aborted' });
    }
    return cleaned;
  };

  const onSignal = () => void abort(options.signal?.reason);
  const promise = new Promise<StoredFile>((resolve, reject) => {
    stopped.signal.addEventListener('abort', () => reject(stopped.signal.reason));
    options.signal?.addEventListener('abort', onSignal);
    // Later, so that the caller has the upload first.
    queueMicrotask(() => {
      if (options.signal?.aborted) onSignal();
      runAll().then(resolve, reject);
    });
  }).finally(() => options.signal?.removeEventListener('abort', onSignal));
  // A caller who does not await it has `state`: its rejection must not count as unhandled.
  promise.catch(() => {});

  const upload: Upload = Object.assign(promise, {
    state: { status: 'waiting' } as const satisfies UploadState,
    pause: () => {
      if (settled || resumed !== null) return;
      resumed = new Promise((resolve) => {
        endPause = resolve;
      });
      round.abort();
      run.leave();
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
