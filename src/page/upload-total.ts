import type { QueueTotals } from '../client/queue/queue-item.ts';
import type { Announce } from './announcer.ts';
import { find, setProgress, setText } from './dom.ts';
import { formatBytes, formatPercent, joinFacts } from './format.ts';
import { showProgress } from './show-progress.ts';
import { texts } from './texts.ts';

/** What all uploads add up to, above their list. */
export function createUploadTotal(section: HTMLElement) {
  const heading = find(section, 'h2', HTMLElement);
  const summary = find(section, '.summary', HTMLElement);
  const bar = find(section, '.total', HTMLProgressElement);
  const pauseAll = find(section, '.pause-all', HTMLButtonElement);
  const cancelAll = find(section, '.cancel-all', HTMLButtonElement);
  let announcedQuarter = 0;

  return {
    heading,
    pauseAll,
    cancelAll,
    render: (totals: QueueTotals, announce: Announce): void => {
      const { files, done, failed, sentBytes, totalBytes, bytesPerSecond, secondsLeft } = totals;
      const allFiles = files - failed;
      const active = allFiles - done;
      const isMoving = totals.waiting + totals.running > 0;
      const facts = [
        ...(allFiles > 1 && active > 0 ? [texts.filesOf(done, allFiles)] : []),
        ...(active > 0 ? [formatPercent(sentBytes, totalBytes)] : []),
        ...(bytesPerSecond !== null && secondsLeft !== null && isMoving && allFiles > 1
          ? [texts.perSecond(formatBytes(bytesPerSecond)), texts.left(secondsLeft)]
          : []),
        ...(failed > 0 ? [texts.filesFailed(failed)] : []),
      ];
      setText(summary, joinFacts(facts));
      const ofStopped = active > 0 ? texts.unfinished : texts.notUploaded;
      setText(heading, isMoving ? texts.uploading : ofStopped);
      bar.hidden = allFiles < 2 || active === 0;
      setProgress(bar, sentBytes, totalBytes);
      setText(pauseAll, isMoving ? texts.pauseAll : texts.resumeAll);
      pauseAll.hidden = active < 2;
      cancelAll.hidden = active + failed < 2;
      setText(cancelAll, active > 0 ? texts.cancelAll : texts.dismissAll);

      const quarter = totalBytes === 0 ? 0 : Math.floor((4 * sentBytes) / totalBytes);
      if (quarter > announcedQuarter && quarter < 4) announce(texts.percentUploaded(25 * quarter));
      announcedQuarter = quarter;
      showProgress(active === 0 || totalBytes === 0 ? null : sentBytes / totalBytes, failed > 0);
    },
  };
}
