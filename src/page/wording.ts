/**
 * The words that the page, the element and the commands share. The page's other texts are in `texts.ts`. The service's
 * own error texts are not here.
 */
export const wording = {
  /** BCP 47: for numbers, sizes and times. */
  language: 'en',
  files: (count: string, isOne: boolean) => `${count} ${isOne ? 'file' : 'files'}`,
  justNow: 'just now',
  seconds: (seconds: number) => `${seconds} s`,
  minutes: (minutes: number, seconds: number) => `${minutes} min ${seconds} s`,
  hours: (hours: number, minutes: number) => `${hours} h ${minutes} min`,

  perFile: (size: string) => `Up to ${size} per file`,
  bytesUsed: (used: string, quota: string) => `${used} of ${quota} used`,
  filesStored: (stored: string, quota: string) => `${stored} of ${quota} stored`,

  andMore: (messages: string) => `${messages}, and more`,
  somethingWrong: 'Something went wrong.',
  noConnection: 'There is no connection.',
  otherServer: 'Another server answered. Your network may ask you to sign in first.',
  fileRefused: 'The file was refused',
} as const;

/** What people call media types. Others are shown as they are. */
export const TYPE_NAMES: Readonly<Record<string, string>> = {
  'image/*': 'images',
  'video/*': 'videos',
  'audio/*': 'audio',
  'text/*': 'text files',
  'image/jpeg': 'JPEG',
  'image/png': 'PNG',
  'image/gif': 'GIF',
  'image/webp': 'WebP',
  'image/svg+xml': 'SVG',
  'application/pdf': 'PDF',
  'application/zip': 'ZIP',
  'application/json': 'JSON',
  'text/plain': 'plain text',
  'text/csv': 'CSV',
  'text/html': 'HTML',
};
