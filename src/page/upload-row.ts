import type { Progress, StoredFile, Upload } from '../client/create-signpost.ts';
import { copyTemplate, find, setIcon, setText } from './dom.ts';
import { explain, isWorthRetrying } from './explain.ts';
import { kindOf } from './file-kind.ts';
import { formatBytes, formatDuration, formatPercent, joinFacts } from './format.ts';
import { createSpeedMeter } from './speed-meter.ts';

/** After this long without a byte, the connection is slow or lost, and the SDK is retrying. */
const SILENT_MS = 3_000;

type RowState = 'waiting' | 'sending' | 'paused' | 'failed' | 'over';

export type UploadRow = ReturnType<typeof createUploadRow>;

export type UploadEvents = {
  onStored: (row: UploadRow, stored: StoredFile) => void;
  onFailed: (row: UploadRow, reason: string) => void;
  /** The user tries a failed upload again. */
  onRetried: (row: UploadRow) => void;
  /** The user removed the row: aborts a running upload, dismisses a failed one. */
  onCancelled: (row: UploadRow) => void;
};

/** One upload's progress and buttons. Draws only when `render` is called. */
export function createUploadRow(
  file: File,
  start: (onProgress: (progress: Progress) => void) => Upload,
  on: UploadEvents,
) {
  const element = copyTemplate('upload-row');
  const progress = find(element, 'progress', HTMLProgressElement);
  const status = find(element, '.status', HTMLElement);
  const retryButton = find(element, '.retry', HTMLButtonElement);
  const pauseButton = find(element, '.pause', HTMLButtonElement);
  const cancelButton = find(element, '.cancel', HTMLButtonElement);

  let state: RowState = 'waiting';
  let sentBytes = 0;
  let sentAtMs = 0;
  let meter = createSpeedMeter();
  let problem = '';
  let canRetry = true;
  let drawn = '';
  let drawnBytes = -1;
  let upload: Upload;

  const begin = () => {
    state = 'waiting';
    meter = createSpeedMeter();
    upload = start((reported) => {
      if (state === 'waiting') state = 'sending';
      sentBytes = reported.sentBytes;
      sentAtMs = performance.now();
    });
    upload.then(
      (stored) => {
        state = 'over';
        on.onStored(row, stored);
      },
      (error: unknown) => {
        if (state === 'over') return;
        state = 'failed';
        problem = explain(error);
        canRetry = isWorthRetrying(error);
        on.onFailed(row, problem);
      },
    );
  };

  const pause = () => {
    if (state !== 'waiting' && state !== 'sending') return;
    state = 'paused';
    upload.pause();
  };
  const resume = () => {
    if (state !== 'paused') return;
    state = 'waiting';
    meter = createSpeedMeter();
    upload.resume();
  };
  const cancel = () => {
    state = 'over';
    void upload.abort();
    on.onCancelled(row);
  };

  const describe = (nowMs: number): string => {
    if (state === 'failed') return problem;
    if (state === 'paused') return `Paused at ${formatPercent(sentBytes, file.size)}`;
    if (state === 'waiting') return joinFacts(['Waiting', formatBytes(file.size)]);
    if (sentBytes === file.size) return 'Being verified …';
    const done = `${formatBytes(sentBytes)} of ${formatBytes(file.size)}`;
    const speed = meter(sentBytes, nowMs);
    if (nowMs - sentAtMs > SILENT_MS) return joinFacts([done, 'no answer yet …']);
    if (!speed) return done;
    return joinFacts([done, `${formatBytes(speed)}/s`, `${formatDuration((file.size - sentBytes) / speed)} left`]);
  };

  const render = (nowMs: number) => {
    progress.value = file.size === 0 ? 0 : sentBytes / file.size;
    setText(status, describe(nowMs));
    drawnBytes = sentBytes;
    if (state === drawn) return;
    drawn = state;
    element.dataset.state = state;
    const isPaused = state === 'paused';
    setIcon(pauseButton, isPaused ? 'resume' : 'pause');
    pauseButton.setAttribute('aria-label', `${isPaused ? 'Resume' : 'Pause'} ${file.name}`);
    cancelButton.setAttribute('aria-label', `${state === 'failed' ? 'Dismiss' : 'Cancel'} ${file.name}`);
    retryButton.hidden = state !== 'failed' || !canRetry;
    if (state === 'failed' && document.activeElement === pauseButton) (canRetry ? retryButton : cancelButton).focus();
    pauseButton.hidden = state === 'failed';
  };

  const row = {
    ...{ element, file, pause, resume, cancel, render },
    state: () => state,
    sentBytes: () => sentBytes,
    /** Whether there is something to draw: thousands of rows may wait. */
    hasChanged: () => state !== drawn || state === 'sending' || sentBytes !== drawnBytes,
  };

  find(element, '.tile', HTMLElement).dataset.kind = kindOf(file.type);
  setIcon(find(element, '.tile', HTMLElement), kindOf(file.type));
  setText(find(element, '.name', HTMLElement), file.name);
  progress.setAttribute('aria-label', `Upload of ${file.name}`);
  retryButton.setAttribute('aria-label', `Retry ${file.name}`);
  pauseButton.addEventListener('click', () => {
    if (state === 'paused') resume();
    else pause();
    render(performance.now());
  });
  retryButton.addEventListener('click', () => {
    begin();
    on.onRetried(row);
    pauseButton.focus();
  });
  cancelButton.addEventListener('click', cancel);
  begin();
  return row;
}
