'use client';

import { memo } from 'react';
import type { QueueItem, UploadQueue } from 'signpost/queue';
import { useUploads } from 'signpost/react';
import { describeUpload } from './upload-text';

const ACTION = 'h-9 rounded-md px-3 text-sm font-medium hover:bg-accent hover:text-accent-foreground';

const BAR = [
  'h-1.5 w-full overflow-hidden rounded-full [&::-moz-progress-bar]:bg-primary',
  '[&::-webkit-progress-bar]:bg-muted [&::-webkit-progress-value]:bg-primary',
].join(' ');

const LABELS = { retry: 'Retry', pause: 'Pause', resume: 'Resume' };

/** What the button beside a file does. It is one button for all, so that the focus stays on it when it is pressed. */
function actOf({ status, retryable, needs }: QueueItem): keyof typeof LABELS | null {
  if (status === 'failed') return retryable ? 'retry' : null;
  if (status === 'done' || needs === 'file') return null;
  return status === 'paused' ? 'resume' : 'pause';
}

/** The files of a queue with their progress: pause, resume, retry, remove. */
export function UploadList({ queue, className }: { queue: UploadQueue; className?: string }) {
  const { items, totals } = useUploads(queue);
  return (
    <div className={className}>
      <p role="status" className="sr-only">
        {totals.files > 0 && `${totals.done} of ${totals.files} files uploaded`}
        {totals.failed > 0 && `, ${totals.failed} failed`}
      </p>
      <ul className="divide-y rounded-lg border empty:hidden">
        {items.map((item) => (
          <UploadRow key={item.id} item={item} queue={queue} />
        ))}
      </ul>
    </div>
  );
}

/** An item that has not changed is the same object, so a thousand rows cost as much as those that move. */
const UploadRow = memo(function UploadRow({ item, queue }: { item: QueueItem; queue: UploadQueue }) {
  const { id, fileName, status, sentBytes, totalBytes } = item;
  const act = actOf(item);
  const isOver = status === 'done' || status === 'failed';
  return (
    <li className="flex items-center gap-3 p-3" data-state={status}>
      <div className="grid min-w-0 flex-1 gap-1">
        <p className="truncate text-sm font-medium">{fileName}</p>
        {!isOver && (
          <progress
            aria-label={`Upload of ${fileName}`}
            className={BAR}
            value={sentBytes}
            max={Math.max(1, totalBytes)}
          />
        )}
        <p className={`text-xs tabular-nums ${status === 'failed' ? 'text-destructive' : 'text-muted-foreground'}`}>
          {describeUpload(item)}
        </p>
      </div>
      {act !== null && (
        <button
          type="button"
          className={ACTION}
          aria-label={`${LABELS[act]} ${fileName}`}
          onClick={() => queue[act](id)}
        >
          {LABELS[act]}
        </button>
      )}
      <button type="button" className={ACTION} aria-label={`Remove ${fileName}`} onClick={() => queue.remove(id)}>
        Remove
      </button>
    </li>
  );
});
