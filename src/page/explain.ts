import { SignpostError } from '../client/signpost-error.ts';
import { formatBytes, formatCount, nameType } from './format.ts';
import { wording } from './wording.ts';

/** An error as sentences for people: each reason once, sizes in units, types by their names. */
export function explain(error: unknown): string {
  if (!(error instanceof SignpostError)) return error instanceof Error ? error.message : wording.somethingWrong;
  if (error.code === 'network-error') return wording.noConnection;
  if (error.code === 'unexpected-answer') return wording.otherServer;
  const reasons = error.errors.map(({ message }) => message);
  // A refusal that has reasons repeats the first of them.
  const texts = error.code === 'verification-failed' ? [wording.fileRefused, ...reasons] : [error.detail, ...reasons];
  return [...new Set(texts)].map((text) => toSentence(inWords(text))).join(' ');
}

function inWords(text: string): string {
  const isOfBytes = / bytes\b/.test(text);
  return (isOfBytes ? inUnits(text) : text).replace(/\b[a-z]+\/[\w.+*-]+/g, nameType);
}

/** Sizes in a text that has the word `bytes`: the numbers before that word, and all of four digits or more. */
const SIZES = /\b\d+ bytes|\b\d{4,}\b/g;

function inUnits(text: string): string {
  const sizes = [...text.matchAll(SIZES)].map(([size]) => Number.parseInt(size, 10));
  // Rounded, the size of a file that is slightly too large could look the same as the limit.
  const isAlike = new Set(sizes.map(formatBytes)).size < new Set(sizes).size;
  const format = isAlike ? (bytes: number) => `${formatCount(bytes)} bytes` : formatBytes;
  return text.replace(SIZES, (size) => format(Number.parseInt(size, 10)));
}

/** With a capital, unless it begins with a media type or an address. */
function toSentence(text: string): string {
  const isName = /^[a-z]+:?\//.test(text);
  return `${isName ? text : text.charAt(0).toUpperCase() + text.slice(1)}.`;
}
