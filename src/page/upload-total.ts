import { createSpeedMeter } from '../client/queue/speed-meter.ts';
import type { Announce } from './announcer.ts';
import { find, setProgress, setText } from './dom.ts';
import { formatBytes, formatPercent, joinFacts } from './format.ts';
import { showProgress } from './show-progress.ts';
import { texts } from './texts.ts';
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
  let wasActive = false;

  return {
    ...{ heading, pauseAll, cancelAll },
    doneFiles: () => done.files,
    count: (bytes: number): void => {
      done = { files: done.files + 1, bytes: done.bytes + bytes };
    },
    /** Returns whether the last running upload has just ended. */
    render: (items: ReadonlySet<UploadItem>, nowMs: number, announce: Announce): boolean => {
      let [active, failures, sentBytes, allBytes, isMoving] = [0, 0, done.bytes, done.bytes, false];
      for (const item of items) {
        const { status } = item.state();
        if (status === 'failed') {
          failures++;
          continue;
        }
        active++;
        sentBytes += item.sentBytes();
        allBytes += item.file.size;
        isMoving ||= status !== 'paused';
      }
      const allFiles = done.files + active;
      const speed = meter(sentBytes, nowMs);
      const facts = [
        ...(allFiles > 1 && active > 0 ? [texts.filesOf(done.files, allFiles)] : []),
        ...(active > 0 ? [formatPercent(sentBytes, allBytes)] : []),
        ...(speed && isMoving && allFiles > 1
          ? [texts.perSecond(formatBytes(speed)), texts.left((allBytes - sentBytes) / speed)]
          : []),
        ...(failures > 0 ? [texts.filesFailed(failures)] : []),
      ];
      setText(summary, joinFacts(facts));
      setText(heading, active > 0 ? texts.uploading : texts.notUploaded);
      bar.hidden = allFiles < 2 || active === 0;
      setProgress(bar, sentBytes, allBytes);
      setText(pauseAll, isMoving ? texts.pauseAll : texts.resumeAll);
      pauseAll.hidden = active < 2;
      cancelAll.hidden = items.size < 2;
      setText(cancelAll, active > 0 ? texts.cancelAll : texts.dismissAll);

      const quarter = allBytes === 0 ? 0 : Math.floor((4 * sentBytes) / allBytes);
      if (quarter > announcedQuarter && quarter < 4) announce(texts.percentUploaded(25 * quarter));
      announcedQuarter = quarter;
      showProgress(active === 0 || allBytes === 0 ? null : sentBytes / allBytes, failures > 0);
      const hasEnded = wasActive && active === 0;
      wasActive = active > 0;
      if (active > 0) return false;
      done = { files: 0, bytes: 0 };
      meter = createSpeedMeter();
      return hasEnded;
    },
  };
}
