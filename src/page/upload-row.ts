import { createSpeedMeter } from '../client/queue/speed-meter.ts';
import type { UploadState } from '../client/upload-state.ts';
import { copyTemplate, find, setIcon, setProgress, setText } from './dom.ts';
import { explain } from './explain.ts';
import { kindOf } from './file-kind.ts';
import { formatBytes, formatDuration, formatPercent, joinFacts } from './format.ts';
import { showName } from './show-name.ts';
import { texts } from './texts.ts';
import type { UploadItem } from './upload-item.ts';

/** What changes from second to second, without a new state. */
const CHANGING: readonly UploadState['status'][] = ['uploading', 'retrying'];

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
  let drawn: UploadState | null = null;
  let drawnBytes = -1;

  const describe = (state: UploadState, nowMs: number): string => {
    const size = formatBytes(file.size);
    const sentBytes = item.sentBytes();
    if (state.status === 'failed') return explain(state.error);
    if (state.status === 'waiting') return joinFacts([texts.waiting, size]);
    if (state.status === 'preparing') return joinFacts([texts.preparing, size]);
    if (state.status === 'offline') return texts.offline;
    if (state.status === 'retrying') {
      const seconds = Math.max(0, state.nextAttemptAtMs - Date.now()) / 1000;
      return texts.retrying(explain(state.error), seconds < 1 ? null : formatDuration(seconds));
    }
    if (state.status === 'paused') {
      const lost = state.lostBytes > 0 ? [texts.sentAgain(formatBytes(state.lostBytes))] : [];
      return joinFacts([texts.pausedAt(formatPercent(sentBytes, file.size)), ...lost]);
    }
    if (state.status !== 'uploading' || sentBytes === file.size) return texts.confirming;
    const done = texts.bytesOf(formatBytes(sentBytes), size);
    const speed = meter(sentBytes, nowMs);
    if (!speed) return done;
    return joinFacts([done, texts.perSecond(formatBytes(speed)), texts.left((file.size - sentBytes) / speed)]);
  };

  const render = (nowMs: number): void => {
    const state = item.state();
    if (state === drawn && !CHANGING.includes(state.status) && item.sentBytes() === drawnBytes) return;
    setProgress(progress, item.sentBytes(), file.size);
    drawnBytes = item.sentBytes();
    setText(status, describe(state, nowMs));
    if (state.status === drawn?.status) return;
    drawn = state;
    element.dataset.state = state.status;
    const isFailed = state.status === 'failed';
    const isPaused = state.status === 'paused';
    setIcon(pauseButton, isPaused ? 'resume' : 'pause');
    pauseButton.setAttribute('aria-label', isPaused ? texts.resume(file.name) : texts.pause(file.name));
    cancelButton.setAttribute('aria-label', isFailed ? texts.dismiss(file.name) : texts.cancel(file.name));
    const canRetry = isFailed && state.retryable;
    retryButton.hidden = !canRetry;
    if (isFailed && document.activeElement === pauseButton) (canRetry ? retryButton : cancelButton).focus();
    pauseButton.hidden = isFailed;
  };

  tile.dataset.kind = kindOf(file.type);
  setIcon(tile, kindOf(file.type));
  showName(find(element, '.name', HTMLElement), file.name);
  progress.setAttribute('aria-label', texts.uploadOf(file.name));
  retryButton.setAttribute('aria-label', texts.retry(file.name));
  pauseButton.addEventListener('click', () => {
    meter = createSpeedMeter();
    if (item.state().status === 'paused') item.resume();
    else item.pause();
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
