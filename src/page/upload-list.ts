import type { Signpost, StoredFile } from '../client/create-signpost.ts';
import type { Announce } from './announcer.ts';
import { find, setText, syncRows } from './dom.ts';
import { explain } from './explain.ts';
import { texts } from './texts.ts';
import { type ChosenFile, createUploadItem, type UploadItem } from './upload-item.ts';
import { createUploadRow, type UploadRow } from './upload-row.ts';
import { createUploadTotal } from './upload-total.ts';

/** How often running uploads are drawn: 200 uploads report progress some thousand times a second. */
const RENDER_EVERY_MS = 250;

/** How many uploads are shown, besides those that are being sent: each row costs time, and nobody reads 2,000. */
const SHOWN_ROWS = 30;

/** How many uploads the SDK has at once: more than it sends at once, so that it never waits for the next. */
const BEGUN_UPLOADS = 8;

type ListEvents = {
  /** Several at a time. */
  onStored: (files: StoredFile[]) => void;
  /** The last running upload has ended. */
  onIdle: () => void;
};

/** The running and failed uploads. */
export function createUploadList(signpost: Signpost, { onStored, onIdle }: ListEvents, announce: Announce) {
  const section = find(document, '#uploads', HTMLElement);
  const list = find(section, '.rows', HTMLElement);
  const more = find(section, '.more', HTMLButtonElement);
  const choose = find(document, '#choose', HTMLButtonElement);
  const total = createUploadTotal(section);

  const items = new Set<UploadItem>();
  const rows = new Map<UploadItem, UploadRow>();
  let shownRows = SHOWN_ROWS;
  let stored: { item: UploadItem; file: StoredFile }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const isRunning = (item: UploadItem) => item.state().status !== 'failed';
  const isMoving = (item: UploadItem) => isRunning(item) && item.state().status !== 'paused';
  const running = () => [...items].filter(isRunning);

  const on = {
    onChange: () => schedule(RENDER_EVERY_MS),
    onStored: (item: UploadItem, file: StoredFile) => {
      stored.push({ item, file });
      beginNext();
      schedule(RENDER_EVERY_MS);
    },
    onFailed: (item: UploadItem, error: unknown) => {
      announce(texts.failed(item.file.name, explain(error)));
      schedule(0);
    },
  };

  /** Thousands of files begin in turn: to begin them all would stop the page for a while. */
  const beginNext = () => {
    const active = [...items].filter(isMoving);
    const waiting = active.filter((item) => !item.isBegun());
    const free = BEGUN_UPLOADS - (active.length - waiting.length);
    for (const item of waiting.slice(0, Math.max(0, free))) item.begin();
  };

  const moveStored = () => {
    if (stored.length === 0) return;
    const moving = stored;
    stored = [];
    for (const { item } of moving) {
      items.delete(item);
      total.count(item.file.size);
    }
    onStored(moving.map(({ file }) => file));
    if (running().length === 0) announce(texts.filesUploaded(total.doneFiles()));
  };

  const rowOf = (item: UploadItem): UploadRow => {
    const row =
      rows.get(item) ??
      createUploadRow(item, (command) => {
        if (command === 'cancel') {
          items.delete(item);
          announce(texts.cancelled(item.file.name));
        }
        render();
      });
    rows.set(item, row);
    return row;
  };

  /** The first of them in their order, and whatever is under way. */
  const renderRows = (nowMs: number) => {
    let others = 0;
    const shown = [...items].filter((item) => isUnderWay(item) || others++ < shownRows);
    for (const item of rows.keys()) if (!items.has(item)) rows.delete(item);
    const elements = shown.map((item) => {
      const row = rowOf(item);
      row.render(nowMs);
      return row.element;
    });
    syncRows(list, elements, items.size > 0 ? total.heading : choose);
    const hidden = items.size - shown.length;
    more.hidden = hidden === 0;
    setText(more, texts.moreUploads(hidden));
  };

  /** A tick that is due sooner stays. */
  let dueAtMs = Number.POSITIVE_INFINITY;
  function schedule(delayMs: number): void {
    const atMs = performance.now() + delayMs;
    if (atMs >= dueAtMs) return;
    clearTimeout(timer);
    dueAtMs = atMs;
    timer = setTimeout(render, delayMs);
  }

  function render(): void {
    clearTimeout(timer);
    dueAtMs = Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
    moveStored();
    beginNext();
    if (items.size === 0) shownRows = SHOWN_ROWS;
    renderRows(nowMs);
    // After the focus has moved to where it can be.
    section.hidden = items.size === 0;
    if (total.render(items, nowMs, announce)) onIdle();
    // Paused uploads and failed ones change only by the user's hand.
    if ([...items].some(isMoving)) schedule(RENDER_EVERY_MS);
  }

  more.addEventListener('click', () => {
    const next = list.children.length;
    shownRows += SHOWN_ROWS;
    render();
    list.children[next]?.querySelector('button')?.focus();
  });
  total.pauseAll.addEventListener('click', () => {
    const active = running();
    const shouldPause = active.some(isMoving);
    for (const item of active) shouldPause ? item.pause() : item.resume();
    render();
  });
  total.cancelAll.addEventListener('click', () => {
    announce(texts.filesCancelled(items.size));
    for (const item of items) item.cancel();
    items.clear();
    render();
    choose.focus();
  });

  return {
    add: (files: readonly ChosenFile[]): void => {
      for (const file of files) items.add(createUploadItem(file, signpost, on));
      announce(texts.filesAdded(files.length));
      render();
    },
    /** The files that are not in the bucket yet, and would be lost on a reload: running, or worth another attempt. */
    unfinished: (): File[] =>
      [...items]
        .filter((item) => {
          const state = item.state();
          return state.status !== 'failed' || state.retryable;
        })
        .map((item) => item.file),
  };
}

function isUnderWay(item: UploadItem): boolean {
  return item.isBegun() && !['waiting', 'paused', 'failed'].includes(item.state().status);
}
