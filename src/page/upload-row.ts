import { createSpeedMeter } from '../client/queue/speed-meter.ts';
import { copyTemplate, find, setIcon, setProgress, setText } from './dom.ts';
import { kindOf } from './file-kind.ts';
import { formatBytes, formatDuration, formatPercent, joinFacts } from './format.ts';
import type { UploadItem } from './upload-item.ts';

/** After this long without a byte, the connection is slow or lost, and the SDK is retrying. */
const SILENT_MS = 3_000;

export type UploadRow = ReturnType<typeof createUploadRow>;

/**
 * One upload's progress and buttons. Draws only when `render` is called, and writes only what has changed.
 * @param onCommand called after the user has paused, resumed, retried or cancelled the upload.
 */
export function createUploadRow(item: UploadItem, onCommand: (command: 'pause' | 'retry' | 'cancel') => void) {
  const { file } = item;
  const element = copyTemplate('upload-row');
  const tile = find(element, '.tile', HTMLElement);
  const progress = find(element, 'progress', HTMLProgressElement);
  const status = find(element, '.status', HTMLElement);
  const retryButton = find(element, '.retry', HTMLButtonElement);
  const pauseButton = find(element, '.pause', HTMLButtonElement);
  const cancelButton = find(element, '.cancel', HTMLButtonElement);
  let meter = createSpeedMeter();
  let drawn = '';
  let drawnBytes = -1;

  const describe = (nowMs: number): string => {
    const state = item.state();
    const sentBytes = item.sentBytes();
    if (state === 'failed') return item.problem();
    if (state === 'paused') return `Paused at ${formatPercent(sentBytes, file.size)}`;
    if (state === 'waiting') return joinFacts(['Waiting', formatBytes(file.size)]);
    if (sentBytes === file.size) return 'Being verified …';
    const done = `${formatBytes(sentBytes)} of ${formatBytes(file.size)}`;
    const speed = meter(sentBytes, nowMs);
    if (nowMs - item.sentAtMs() > SILENT_MS) return joinFacts([done, 'no answer yet …']);
    if (!speed) return done;
    return joinFacts([done, `${formatBytes(speed)}/s`, `${formatDuration((file.size - sentBytes) / speed)} left`]);
  };

  const render = (nowMs: number): void => {
    const state = item.state();
    if (state === drawn && state !== 'sending' && item.sentBytes() === drawnBytes) return;
    setProgress(progress, item.sentBytes(), file.size);
    drawnBytes = item.sentBytes();
    setText(status, describe(nowMs));
    if (state === drawn) return;
    drawn = state;
    element.dataset.state = state;
    const isPaused = state === 'paused';
    setIcon(pauseButton, isPaused ? 'resume' : 'pause');
    pauseButton.setAttribute('aria-label', `${isPaused ? 'Resume' : 'Pause'} ${file.name}`);
    cancelButton.setAttribute('aria-label', `${state === 'failed' ? 'Dismiss' : 'Cancel'} ${file.name}`);
    const canRetry = state === 'failed' && item.canRetry();
    retryButton.hidden = !canRetry;
    if (state === 'failed' && document.activeElement === pauseButton) (canRetry ? retryButton : cancelButton).focus();
    pauseButton.hidden = state === 'failed';
  };

  tile.dataset.kind = kindOf(file.type);
  setIcon(tile, kindOf(file.type));
  setText(find(element, '.name', HTMLElement), file.name);
  progress.setAttribute('aria-label', `Upload of ${file.name}`);
  retryButton.setAttribute('aria-label', `Retry ${file.name}`);
  pauseButton.addEventListener('click', () => {
    if (item.state() === 'paused') {
      meter = createSpeedMeter();
      item.resume();
    } else item.pause();
    onCommand('pause');
  });
  retryButton.addEventListener('click', () => {
    meter = createSpeedMeter();
    item.retry();
    onCommand('retry');
    pauseButton.focus();
  });
  cancelButton.addEventListener('click', () => {
    item.cancel();
    onCommand('cancel');
  });
  return { element, render };
}
