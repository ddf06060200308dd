import type { Signpost, StoredFile } from '../client/create-signpost.ts';
import type { Announce } from './announcer.ts';
import { find, removeRow, setText } from './dom.ts';
import { formatBytes, formatDuration, formatFiles, formatPercent, joinFacts } from './format.ts';
import { createSpeedMeter } from './speed-meter.ts';
import { createUploadRow, type UploadEvents, type UploadRow } from './upload-row.ts';

/** How often running uploads are drawn: 200 uploads report progress some thousand times a second. */
const RENDER_EVERY_MS = 250;

/** The running and failed uploads; stored ones are handed to `onStored`, several at a time. */
export function createUploadList(signpost: Signpost, onStored: (files: StoredFile[]) => void, announce: Announce) {
  const section = find(document, '#uploads', HTMLElement);
  const heading = find(section, 'h2', HTMLElement);
  const summary = find(section, '.summary', HTMLElement);
  const total = find(section, '.total', HTMLProgressElement);
  const list = find(section, '.rows', HTMLElement);
  const pauseAll = find(section, '.pause-all', HTMLButtonElement);
  const cancelAll = find(section, '.cancel-all', HTMLButtonElement);

  const rows = new Set<UploadRow>();
  let stored: { row: UploadRow; file: StoredFile }[] = [];
  /** Counted since the list was empty. */
  let done = { files: 0, bytes: 0 };
  let meter = createSpeedMeter();
  let announcedQuarter = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  const running = () => [...rows].filter((row) => row.state() !== 'failed');
  const sum = (bytesOf: (row: UploadRow) => number) => running().reduce((bytes, row) => bytes + bytesOf(row), 0);
  const removeUpload = (row: UploadRow) => {
    rows.delete(row);
    removeRow(row.element, rows.size > 0 ? heading : find(document, '#choose', HTMLButtonElement));
  };

  const on: UploadEvents = {
    onStored: (row, file) => stored.push({ row, file }),
    onFailed: (row, reason) => {
      announce(`${row.file.name} failed. ${reason}`);
      render();
    },
    onRetried: () => render(),
    onCancelled: (row) => {
      removeUpload(row);
      announce(`${row.file.name} cancelled`);
      render();
    },
  };

  const moveStored = () => {
    if (stored.length === 0) return;
    const moving = stored;
    stored = [];
    for (const { row } of moving) {
      done = { files: done.files + 1, bytes: done.bytes + row.file.size };
      removeUpload(row);
    }
    onStored(moving.map(({ file }) => file));
    if (running().length === 0) announce(`${formatFiles(done.files)} uploaded`);
  };

  const renderTotal = (nowMs: number) => {
    const active = running();
    const sentBytes = done.bytes + sum((row) => row.sentBytes());
    const allBytes = done.bytes + sum((row) => row.file.size);
    const allFiles = done.files + active.length;
    const speed = meter(sentBytes, nowMs);
    const failures = rows.size - active.length;
    const isMoving = active.some((row) => row.state() !== 'paused');
    const facts = [
      ...(allFiles > 1 && active.length > 0 ? [`${done.files.toLocaleString('en')} of ${formatFiles(allFiles)}`] : []),
      ...(active.length > 0 ? [formatPercent(sentBytes, allBytes)] : []),
      ...(speed && isMoving && allFiles > 1
        ? [`${formatBytes(speed)}/s`, `${formatDuration((allBytes - sentBytes) / speed)} left`]
        : []),
      ...(failures > 0 ? [`${formatFiles(failures)} failed`] : []),
    ];
    setText(summary, joinFacts(facts));
    setText(heading, active.length > 0 ? 'Uploading' : 'Not uploaded');
    total.hidden = allFiles < 2 || active.length === 0;
    total.value = allBytes === 0 ? 0 : sentBytes / allBytes;
    setText(pauseAll, isMoving ? 'Pause all' : 'Resume all');
    pauseAll.hidden = active.length < 2;
    cancelAll.hidden = rows.size < 2;
    setText(cancelAll, active.length > 0 ? 'Cancel all' : 'Dismiss all');

    const quarter = allBytes === 0 ? 0 : Math.floor((4 * sentBytes) / allBytes);
    if (quarter > announcedQuarter && quarter < 4) announce(`${25 * quarter} percent uploaded`);
    announcedQuarter = quarter;
  };

  function render(): void {
    const nowMs = performance.now();
    moveStored();
    section.hidden = rows.size === 0;
    if (running().length === 0) {
      clearInterval(timer);
      timer = undefined;
      done = { files: 0, bytes: 0 };
      meter = createSpeedMeter();
    } else timer ??= setInterval(render, RENDER_EVERY_MS);
    for (const row of rows) if (row.hasChanged()) row.render(nowMs);
    renderTotal(nowMs);
  }

  pauseAll.addEventListener('click', () => {
    const active = running();
    const isMoving = active.some((row) => row.state() !== 'paused');
    for (const row of active) isMoving ? row.pause() : row.resume();
    render();
  });
  cancelAll.addEventListener('click', () => {
    for (const row of [...rows]) row.cancel();
  });

  return {
    add: (files: readonly File[]): void => {
      for (const file of files) {
        const row = createUploadRow(file, (onProgress) => signpost.upload(file, { onProgress }), on);
        rows.add(row);
      }
      const elements = [...rows].map((row) => row.element).filter((element) => !element.isConnected);
      list.append(...elements);
      announce(`${formatFiles(files.length)} added`);
      render();
    },
    /** The files that are not in the bucket yet, and would be lost on a reload. */
    unfinished: (): File[] => running().map((row) => row.file),
  };
}
