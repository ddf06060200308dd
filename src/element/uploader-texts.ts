import type { QueueItem, QueueTotals } from '../client/queue/queue-item.ts';
import type { Limits } from '../client/stored-file.ts';
import { describeLimits } from '../page/describe-limits.ts';
import { explain } from '../page/explain.ts';
import { formatBytes, formatCount, formatDuration, formatFiles, formatPercent, joinFacts } from '../page/format.ts';

/** All that the element says: for another language, replace what differs. */
export type UploaderTexts = {
  /** Where files are dropped; `multiple`: whether several may be. */
  drop: (multiple: boolean) => string;
  choose: (multiple: boolean) => string;
  chooseFolder: string;
  /** What may be uploaded, before anything is chosen. */
  limits: (limits: Limits) => string;
  /** How one file is doing. */
  status: (item: QueueItem) => string;
  /** How all are doing. */
  total: (totals: QueueTotals) => string;
  /** Why a file failed. */
  error: (error: unknown) => string;
  /** The label of a file's progress. */
  progressOf: (fileName: string) => string;
  /** Buttons: what they show, and with a file's name their label. */
  retry: (fileName: string | null) => string;
  pause: (fileName: string | null) => string;
  resume: (fileName: string | null) => string;
  remove: (fileName: string | null) => string;
  pauseAll: string;
  resumeAll: string;
  removeAll: string;
  /** Files that are in the list, but not shown. */
  more: (count: number) => string;
  /** Read out by screen readers. */
  added: (count: number) => string;
  uploaded: (fileNames: readonly string[]) => string;
  failed: (fileName: string, reason: string) => string;
  tooMany: (maxFiles: number) => string;
  notAccepted: (accept: string) => string;
  /** What a form says that cannot be sent yet. */
  valueMissing: string;
  stillUploading: string;
  someFailed: string;
  noEndpoint: string;
};

const ofFile = (verb: string) => (fileName: string | null) => (fileName === null ? verb : `${verb} ${fileName}`);

/** English. */
export const UPLOADER_TEXTS: UploaderTexts = {
  drop: (multiple) => (multiple ? 'Drop files here' : 'Drop a file here'),
  choose: (multiple) => (multiple ? 'Choose files' : 'Choose a file'),
  chooseFolder: 'Choose a folder',
  limits: describeLimits,
  status: describeItem,
  total: describeTotals,
  error: explain,
  progressOf: (fileName) => `Upload of ${fileName}`,
  retry: ofFile('Retry'),
  pause: ofFile('Pause'),
  resume: ofFile('Resume'),
  remove: ofFile('Remove'),
  pauseAll: 'Pause all',
  resumeAll: 'Resume all',
  removeAll: 'Remove all',
  more: (count) => `and ${formatFiles(count)} more`,
  added: (count) => `${formatFiles(count)} added`,
  uploaded: ([first = '', ...rest]) =>
    rest.length === 0 ? `${first} uploaded` : `${formatFiles(rest.length + 1)} uploaded`,
  failed: (fileName, reason) => `${fileName} failed. ${reason}`,
  tooMany: (maxFiles) => `Only ${formatFiles(maxFiles)} can be added.`,
  notAccepted: (accept) => `not accepted here; accepted: ${accept.split(',').join(', ')}`,
  valueMissing: 'Add a file.',
  stillUploading: 'Wait until all files are uploaded.',
  someFailed: 'Try the failed files again, or remove them.',
  noEndpoint: 'This uploader has no "endpoint": the URL of the service.',
};

function describeItem({ status, sentBytes, totalBytes, error }: QueueItem): string {
  const size = formatBytes(totalBytes);
  switch (status) {
    case 'waiting':
      return joinFacts(['Waiting', size]);
    case 'preparing':
      return joinFacts(['Being prepared …', size]);
    case 'uploading':
      return `${formatBytes(sentBytes)} of ${size}`;
    case 'retrying':
      return joinFacts([explain(error), 'Being tried again …']);
    case 'offline':
      return 'Waits for a connection';
    case 'confirming':
      return 'Being verified …';
    case 'paused':
      return `Paused at ${formatPercent(sentBytes, totalBytes)}`;
    case 'done':
      return joinFacts(['Uploaded', size]);
    case 'failed':
      return explain(error);
  }
}

function describeTotals(totals: QueueTotals): string {
  const { files, done, failed, sentBytes, totalBytes, bytesPerSecond, secondsLeft } = totals;
  const isOver = done + failed === files;
  return joinFacts([
    isOver ? `${formatFiles(done)} uploaded` : `${formatCount(done)} of ${formatFiles(files)}`,
    ...(isOver ? [] : [formatPercent(sentBytes, totalBytes)]),
    ...(bytesPerSecond === null ? [] : [`${formatBytes(bytesPerSecond)}/s`]),
    ...(secondsLeft === null ? [] : [`${formatDuration(secondsLeft)} left`]),
    ...(failed === 0 ? [] : [`${formatFiles(failed)} failed`]),
  ]);
}
