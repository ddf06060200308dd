import { formatBytes, formatCount, formatDuration, formatFiles } from './format.ts';

/** In the order of the panel. */
const FACTS = [
  ['size', 'Size'],
  ['type', 'Type'],
  ['detectedType', 'Detected type'],
  ['status', 'Status'],
  ['created', 'Uploaded'],
  ['checksum', 'SHA-256'],
  ['encryption', 'Encryption'],
  ['recordId', 'Record'],
  ['documentType', 'Document type'],
  ['metadata', 'Metadata'],
  ['etag', 'ETag'],
  ['fileId', 'File id'],
  ['objectKey', 'Object key'],
  ['receipt', 'Receipt'],
] as const;
type FactName = (typeof FACTS)[number][0];

/**
 * All that the page says, apart from the fixed texts of `index.html`. What the service says of an error is the
 * service's.
 */
export const texts = {
  name: 'Signpost',
  waiting: 'Waiting',
  preparing: 'Being prepared …',
  offline: 'There is no network. The upload continues when it is back.',
  confirming: 'Being verified …',
  retrying: (reason: string, wait: string | null) =>
    wait === null ? `${reason} Trying again …` : `${reason} Trying again in ${wait}.`,
  pausedAt: (percent: string) => `Paused at ${percent}`,
  sentAgain: (size: string) => `${size} to be sent again`,
  bytesOf: (part: string, whole: string) => `${part} of ${whole}`,
  perSecond: (size: string) => `${size}/s`,
  left: (seconds: number) => `${formatDuration(seconds)} left`,
  uploadOf: (name: string) => `Upload of ${name}`,
  retry: (name: string) => `Retry ${name}`,
  pause: (name: string) => `Pause ${name}`,
  resume: (name: string) => `Resume ${name}`,
  cancel: (name: string) => `Cancel ${name}`,
  dismiss: (name: string) => `Dismiss ${name}`,
  failed: (name: string, reason: string) => `${name} failed. ${reason}`,
  cancelled: (name: string) => `${name} cancelled`,
  filesAdded: (count: number) => `${formatFiles(count)} added`,
  filesUploaded: (count: number) => `${formatFiles(count)} uploaded`,
  filesCancelled: (count: number) => `${formatFiles(count)} cancelled`,
  filesFailed: (count: number) => `${formatFiles(count)} failed`,
  filesOf: (done: number, all: number) => `${formatCount(done)} of ${formatFiles(all)}`,
  moreUploads: (count: number) => `Show more (${formatCount(count)} hidden)`,
  uploading: 'Uploading',
  notUploaded: 'Not uploaded',
  pauseAll: 'Pause all',
  resumeAll: 'Resume all',
  cancelAll: 'Cancel all',
  dismissAll: 'Dismiss all',
  percentUploaded: (percent: number) => `${percent} percent uploaded`,
  title: (percent: string) => `${percent} · Signpost`,
  pasted: (at: Date, extension: string) => `Pasted ${at.toLocaleString('sv').replaceAll(':', '.')}${extension}`,
  emptyFolder: 'There are no files in that folder.',

  listed: (found: number, isAll: boolean, total: string) =>
    `${formatCount(found)}${isAll ? '' : '+'} found${total === '' ? '' : `, of ${total}`}`,
  stored: (files: number, bytes: number) => `${formatFiles(files)}, ${formatBytes(bytes)}`,
  storedOf: (files: number, bytes: number, quota: number) =>
    `${formatFiles(files)}, ${formatBytes(bytes)} of ${formatBytes(quota)}`,
  moreFiles: (count: number) => `${formatCount(count)} more`,
  notListed: (reason: string) => `The files could not be listed. ${reason}`,
  held: 'waits for a check',
  archived: 'archived',
  rejected: (reason: string) => `rejected: ${reason}`,
  rejectedWhy: 'no reason given',
  select: (name: string) => `Select ${name}`,
  download: (name: string) => `Download ${name}`,
  details: (name: string) => `Details of ${name}`,
  delete: (name: string) => `Delete ${name}`,
  selected: (files: number, bytes: number) => `${formatFiles(files)} selected, ${formatBytes(bytes)}`,
  downloading: (name: string) => `Downloading ${name}`,
  notDownloaded: (name: string, reason: string) => `${name} cannot be downloaded. ${reason}`,
  tooLargeToSave: (name: string, limit: string) =>
    `${name} cannot be saved by this browser: without a link to it, only files up to ${limit} can. Try Chrome or Edge.`,
  saved: (name: string) => `${name} saved.`,
  deleted: (name: string, count: number) => `${count === 1 ? name : formatFiles(count)} deleted.`,
  undoHint: 'Press Control+Z to undo.',
  kept: (name: string, count: number) => `${count === 1 ? name : formatFiles(count)} kept.`,
  notDeleted: (name: string, reason: string) => `${name} could not be deleted. ${reason}`,
  fileArchived: (name: string) => `${name} archived. It is listed under "Archived".`,
  fileRestored: (name: string) => `${name} restored.`,
  notChanged: (name: string, reason: string) => `${name} could not be changed. ${reason}`,
  renamed: (name: string) => `Renamed to ${name}.`,

  facts: (known: Record<FactName, string | null>) =>
    FACTS.flatMap(([name, term]) => {
      const text = known[name];
      return text === null ? [] : [[term, text] as const];
    }),
  exactSize: (bytes: number) => `${formatBytes(bytes)} (${formatCount(bytes)})`,
  encryptedBySender: 'by the sender, before it was sent',
  loading: 'Loading …',
  noEvents: 'Nothing yet.',

  encrypted: 'The file is encrypted: this page has no key for it.',
  noPreview: 'There is no preview for files of this type.',
  empty: 'The file is empty.',
  tooLarge: (limit: string) => `The file is too large to be shown here: over ${limit}. Download it to see it.`,
  notShown: 'This browser cannot show the file.',
  textEnds: (shown: string, size: string) => `… (the first ${shown} of ${size})`,
} as const;
