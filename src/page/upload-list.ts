import type { StoredFile } from '../client/create-signpost.ts';
import {
  createUploadQueue,
  type FileSource,
  type QueueItem,
  type UploadQueueOptions,
} from '../client/queue/create-upload-queue.ts';
import type { Announce } from './announcer.ts';
import { createListKeys } from './create-list-keys.ts';
import { find, setText, syncRows } from './dom.ts';
import { explain } from './explain.ts';
import { texts } from './texts.ts';
import { createUploadRow, type UploadRow } from './upload-row.ts';
import { createUploadTotal } from './upload-total.ts';

/** How often running uploads are drawn: 200 uploads report progress some thousand times a second. */
const RENDER_EVERY_MS = 250;

/** How many uploads are shown, besides those that are being sent: each row costs time, and nobody reads 2,000. */
const SHOWN_ROWS = 30;

export type StoredUpload = { stored: StoredFile; file: File | Blob | null };

type ListEvents = {
  /** Several at a time. */
  onStored: (uploads: StoredUpload[]) => void;
  /** The last running upload has ended. */
  onIdle: () => void;
};

export type UploadList = ReturnType<typeof createUploadList>;

/** The running and failed uploads, and those of an earlier page: what the SDK's queue has, without what is done. */
export function createUploadList(
  options: Pick<UploadQueueOptions, 'signpost' | 'memory'>,
  { onStored, onIdle }: ListEvents,
  announce: Announce,
) {
  const section = find(document, '#uploads', HTMLElement);
  const list = find(section, '.rows', HTMLElement);
  const more = find(section, '.more', HTMLButtonElement);
  const choose = find(document, '#choose', HTMLButtonElement);
  const total = createUploadTotal(section);
  const updateKeys = createListKeys(list);

  const rows = new Map<string, UploadRow>();
  let shownRows = SHOWN_ROWS;
  const stored: StoredUpload[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  let wasActive = false;

  const queue = createUploadQueue({
    ...options,
    onDone: (file, item) => stored.push({ stored: file, file: item.file }),
    onFailed: (error, { fileName }) => announce(texts.failed(fileName, explain(error))),
  });
  const items = () => queue.getSnapshot().items.filter(({ status }) => status !== 'done');
  const thenRender =
    (act: (id: string) => void) =>
    ({ id }: QueueItem) => {
      act(id);
      render();
    };
  const actions = {
    pause: thenRender(queue.pause),
    resume: thenRender(queue.resume),
    retry: thenRender(queue.retry),
    chooseAgain: () => choose.click(),
    remove: (item: QueueItem) => {
      announce(texts.cancelled(item.fileName));
      thenRender(queue.remove)(item);
    },
  };

  const rowOf = (item: QueueItem): UploadRow => {
    const row = rows.get(item.id) ?? createUploadRow(item, actions);
    rows.set(item.id, row);
    return row;
  };

  /** The first of them in their order, and whatever is under way. */
  const renderRows = (all: readonly QueueItem[], nowMs: number) => {
    let others = 0;
    const shown = all.filter((item) => isUnderWay(item) || others++ < shownRows);
    const kept = new Set(shown.map(({ id }) => id));
    for (const id of rows.keys()) if (!kept.has(id)) rows.delete(id);
    const elements = shown.map((item) => {
      const row = rowOf(item);
      row.render(item, nowMs);
      return row.element;
    });
    syncRows(list, elements, all.length > 0 ? total.heading : choose);
    updateKeys();
    const hidden = all.length - shown.length;
    more.hidden = hidden === 0;
    setText(more, texts.moreUploads(hidden));
  };

  function render(): void {
    clearTimeout(timer);
    timer = undefined;
    drawnAtMs = performance.now();
    if (stored.length > 0) onStored(stored.splice(0));
    const { totals } = queue.getSnapshot();
    const isActive = totals.waiting + totals.running + totals.paused > 0;
    // The last ones may have come and gone since it was drawn.
    const hasEnded = !isActive && (wasActive || totals.done > 0);
    wasActive = isActive;
    if (hasEnded && totals.done > 0) announce(texts.filesUploaded(totals.done));
    const all = items();
    if (all.length === 0) shownRows = SHOWN_ROWS;
    renderRows(all, drawnAtMs);
    // After the focus has moved to where it can be.
    section.hidden = all.length === 0;
    total.render(totals, announce);
    if (!hasEnded) return;
    // The next uploads are counted from 0.
    queue.remove(queue.getSnapshot().items.flatMap(({ id, status }) => (status === 'done' ? id : [])));
    onIdle();
  }

  queue.subscribe(() => {
    timer ??= setTimeout(render, Math.max(0, drawnAtMs + RENDER_EVERY_MS - performance.now()));
  });
  more.addEventListener('click', () => {
    const next = list.children.length;
    shownRows += SHOWN_ROWS;
    render();
    list.children[next]?.querySelector('button')?.focus();
  });
  total.pauseAll.addEventListener('click', () => {
    // By their ids: files that are added later do not wait.
    const ids = items().map(({ id }) => id);
    const { waiting, running } = queue.getSnapshot().totals;
    if (waiting + running > 0) queue.pause(ids);
    else queue.resume(ids);
    if (items().every(({ needs }) => needs === 'file')) choose.click();
    render();
  });
  total.cancelAll.addEventListener('click', () => {
    const all = items();
    announce(texts.filesCancelled(all.length));
    queue.remove(all.map(({ id }) => id));
    render();
    choose.focus();
  });

  addEventListener('beforeunload', (event) => {
    if (items().some(isUnfinished)) event.preventDefault();
  });

  return {
    /** Returns how many files were found. Folders take a while. */
    add: async (source: FileSource): Promise<number> => {
      const { length } = await queue.add(source);
      if (length > 0) announce(texts.filesAdded(length));
      return length;
    },
  };
}

/** Whether leaving the page stops it, or loses it: it is not stored, and can still succeed. */
function isUnfinished({ status, needs, retryable }: QueueItem): boolean {
  return needs === null && (status !== 'failed' || retryable);
}

function isUnderWay({ status }: QueueItem): boolean {
  return !['waiting', 'paused', 'failed'].includes(status);
}
