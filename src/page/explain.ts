import { SignpostError } from '../client/create-signpost.ts';
import { formatBytes } from './format.ts';

/** Refusals of the file itself: the same file is refused again. */
const FINAL_STATUSES = [400, 413, 415, 422];

/** Whether another attempt with the same file can succeed. */
export function isWorthRetrying(error: unknown): boolean {
  return !(error instanceof SignpostError && FINAL_STATUSES.includes(error.status));
}

/** An error as sentences for people: each reason once, sizes in units. */
export function explain(error: unknown): string {
  if (!(error instanceof SignpostError)) return error instanceof Error ? error.message : 'Something went wrong.';
  if (error.code === 'network-error') return 'There is no connection.';
  const reasons = error.errors.map(({ message }) => message);
  // A refusal that has reasons repeats the first of them.
  const texts =
    error.code === 'verification-failed' ? ['The file was refused', ...reasons] : [error.detail, ...reasons];
  return [...new Set(texts)].map((text) => toSentence(text.replace(/(\d{4,}) bytes/g, inUnits))).join(' ');
}

function inUnits(_: string, bytes: string): string {
  return formatBytes(Number(bytes));
}

/** With a capital, unless it begins with a media type. */
function toSentence(text: string): string {
  const isType = /^[a-z]+\//.test(text);
  return `${isType ? text.charAt(0) : text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
