import type { QueueItem, QueueStatus } from '../client/queue/queue-item.ts';
import { createSpeedMeter } from '../client/queue/speed-meter.ts';
import { copyTemplate, find, setIcon, setProgress, setText } from './dom.ts';
import { explain } from './explain.ts';
import { kindOf } from './file-kind.ts';
import { formatBytes, formatDuration, formatPercent, joinFacts } from './format.ts';
import { showName } from './show-name.ts';
import { texts } from './texts.ts';

/** What changes from second to second, without a new state. */
const CHANGING: readonly QueueStatus[] = ['uploading', 'retrying'];

/** What the button beside an upload does. */
const ICONS = { pause: 'pause', resume: 'resume', chooseAgain: 'upload' } as const;

function nextOf({ status, needs }: QueueItem): keyof typeof ICONS {
  if (status !== 'paused') return 'pause';
  return needs === 'file' ? 'chooseAgain' : 'resume';
}

export type UploadRow = ReturnType<typeof createUploadRow>;

/** One upload's progress and buttons. Draws only when `render` is called, and writes only what has changed. */
export function createUploadRow(
  { fileName, contentType }: QueueItem,
  actions: Record<'pause' | 'resume' | 'chooseAgain' | 'retry' | 'remove', (item: QueueItem) => void>,
) {
  const element = copyTemplate('upload-row');
  const tile = find(element, '.tile', HTMLElement);
  const progress = find(element, 'progress', HTMLProgressElement);
  const status = find(element, '.status', HTMLElement);
  const retryButton = find(element, '.retry', HTMLButtonElement);
  const pauseButton = find(element, '.pause', HTMLButtonElement);
  const cancelButton = find(element, '.cancel', HTMLButtonElement);
  let meter = createSpeedMeter();
  let drawn: QueueItem | null = null;

  const describe = (item: QueueItem, nowMs: number): string => {
    const { sentBytes, totalBytes } = item;
    const size = formatBytes(totalBytes);
    if (item.status === 'failed') return explain(item.error);
    if (item.status === 'waiting') return joinFacts([texts.waiting, size]);
    if (item.status === 'preparing') return joinFacts([texts.preparing, size]);
    if (item.status === 'offline') return texts.offline;
    if (item.status === 'retrying') {
      const seconds = Math.max(0, (item.nextAttemptAtMs ?? 0) - Date.now()) / 1000;
      return texts.retrying(explain(item.error), seconds < 1 ? null : formatDuration(seconds));
    }
    if (item.needs !== null) return `${size} · ${texts.needs[item.needs]}`;
    if (item.status === 'paused') {
      const lostBytes = (drawn?.sentBytes ?? 0) - sentBytes;
      const lost = lostBytes > 0 ? [texts.sentAgain(formatBytes(lostBytes))] : [];
      return joinFacts([texts.pausedAt(formatPercent(sentBytes, totalBytes)), ...lost]);
    }
    if (item.status !== 'uploading' || sentBytes === totalBytes) return texts.confirming;
    const done = texts.bytesOf(formatBytes(sentBytes), size);
    const speed = meter(sentBytes, nowMs);
    if (!speed) return done;
    return joinFacts([done, texts.perSecond(formatBytes(speed)), texts.left((totalBytes - sentBytes) / speed)]);
  };

  const render = (item: QueueItem, nowMs: number): void => {
    if (item === drawn && !CHANGING.includes(item.status)) return;
    setProgress(progress, item.sentBytes, item.totalBytes);
    setText(status, describe(item, nowMs));
    const isSame = item.status === drawn?.status && item.needs === drawn.needs;
    drawn = item;
    if (isSame) return;
    element.dataset.state = item.status;
    const isFailed = item.status === 'failed';
    const next = nextOf(item);
    setIcon(pauseButton, ICONS[next]);
    pauseButton.setAttribute('aria-label', texts[next](fileName));
    cancelButton.setAttribute('aria-label', isFailed ? texts.dismiss(fileName) : texts.cancel(fileName));
    const canRetry = isFailed && item.retryable;
    retryButton.hidden = !canRetry;
    if (isFailed && document.activeElement === pauseButton) (canRetry ? retryButton : cancelButton).focus();
    pauseButton.hidden = isFailed;
  };

  tile.dataset.kind = kindOf(contentType, fileName);
  setIcon(tile, kindOf(contentType, fileName));
  showName(find(element, '.name', HTMLElement), fileName);
  progress.setAttribute('aria-label', texts.uploadOf(fileName));
  retryButton.setAttribute('aria-label', texts.retry(fileName));
  pauseButton.addEventListener('click', () => {
    if (drawn === null) return;
    meter = createSpeedMeter();
    actions[nextOf(drawn)](drawn);
  });
  retryButton.addEventListener('click', () => {
    if (drawn === null) return;
    meter = createSpeedMeter();
    actions.retry(drawn);
    pauseButton.focus();
  });
  cancelButton.addEventListener('click', () => drawn !== null && actions.remove(drawn));
  return { element, render };
}
