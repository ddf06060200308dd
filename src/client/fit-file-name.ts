import { cleanText } from './clean-text.ts';

/** The service's limit in bytes of UTF-8; most file systems count characters. */
const MAX_BYTES = 255;
/** A longer suffix after the last dot is not an extension. */
const EXTENSION = /[^.]\.[^.\s]{1,31}$/;

const sizeOf = (text: string) => new TextEncoder().encode(text).length;

/**
 * A file's name as the service accepts it: without control characters, at most 255 bytes of UTF-8. A longer name loses
 * its folders, then its end, cut between two visible characters, keeping the extension.
 * @returns a valid name unchanged; `file` if nothing is left.
 */
export function fitFileName(name: string): string {
  const clean = cleanText(name);
  if (sizeOf(clean) <= MAX_BYTES) return clean || 'file';
  // macOS stores letters and their marks separately.
  const last = clean.replace(/^.*[/\\]/s, '').normalize('NFC') || 'file';
  if (sizeOf(last) <= MAX_BYTES) return last;
  const extension = EXTENSION.exec(last)?.[0].slice(1) ?? '';
  const stem = last.slice(0, last.length - extension.length);
  const maxBytes = MAX_BYTES - sizeOf(extension);
  // A single letter may have more marks than fit into a name.
  return (cut(charactersOf(stem), maxBytes) || cut(stem, maxBytes)) + extension;
}

/** Visible characters (graphemes); Firefox before 125 has no segmenter. */
function charactersOf(text: string): Iterable<string> {
  if (!('Segmenter' in Intl)) return text;
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

function cut(characters: Iterable<string>, maxBytes: number): string {
  let result = '';
  for (const character of characters) {
    if (sizeOf(result + character) > maxBytes) break;
    result += character;
  }
  return result;
}
