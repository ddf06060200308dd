import { createSpeedMeter } from '../client/queue/speed-meter.ts';
import type { Announce } from './announcer.ts';
import { find, setProgress, setText } from './dom.ts';
import { formatBytes, formatCount, formatDuration, formatFiles, formatPercent, joinFacts } from './format.ts';
import type { UploadItem } from './upload-item.ts';

/** What all uploads add up to, above their list. */
export function createUploadTotal(section: HTMLElement) {
  const heading = find(section, 'h2', HTMLElement);
  const summary = find(section, '.summary', HTMLElement);
  const bar = find(section, '.total', HTMLProgressElement);
  const pauseAll = find(section, '.pause-all', HTMLButtonElement);
  const cancelAll = find(section, '.cancel-all', HTMLButtonElement);

  /** Counted since nothing was running. */
  let done = { files: 0, bytes: 0 };
  let meter = createSpeedMeter();
  let announcedQuarter = 0;

  return {
    ...{ heading, pauseAll, cancelAll },
    doneFiles: () => done.files,
    count: (bytes: number): void => {
      done = { files: done.files + 1, bytes: done.bytes + bytes };
    },
    render: (items: ReadonlySet<UploadItem>, nowMs: number, announce: Announce): void => {
      let [active, failures, sentBytes, allBytes, isMoving] = [0, 0, done.bytes, done.bytes, false];
      for (const item of items) {
        const state = item.state();
        if (state === 'failed') {
          failures++;
          continue;
        }
        active++;
        sentBytes += item.sentBytes();
        allBytes += item.file.size;
        isMoving ||= state !== 'paused';
      }
      const allFiles = done.files + active;
      const speed = meter(sentBytes, nowMs);
      const facts = [
        ...(allFiles > 1 && active > 0 ? [`${formatCount(done.files)} of ${formatFiles(allFiles)}`] : []),
        ...(active > 0 ? [formatPercent(sentBytes, allBytes)] : []),
        ...(speed && isMoving && allFiles > 1
          ? [`${formatBytes(speed)}/s`, `${formatDuration((allBytes - sentBytes) / speed)} left`]
          : []),
        ...(failures > 0 ? [`${formatFiles(failures)} failed`] : []),
      ];
      setText(summary, joinFacts(facts));
      setText(heading, active > 0 ? 'Uploading' : 'Not uploaded');
      bar.hidden = allFiles < 2 || active === 0;
      setProgress(bar, sentBytes, allBytes);
      setText(pauseAll, isMoving ? 'Pause all' : 'Resume all');
      pauseAll.hidden = active < 2;
      cancelAll.hidden = items.size < 2;
      setText(cancelAll, active > 0 ? 'Cancel all' : 'Dismiss all');

      const quarter = allBytes === 0 ? 0 : Math.floor((4 * sentBytes) / allBytes);
      if (quarter > announcedQuarter && quarter < 4) announce(`${25 * quarter} percent uploaded`);
      announcedQuarter = quarter;
      if (active > 0) return;
      done = { files: 0, bytes: 0 };
      meter = createSpeedMeter();
    },
  };
}
