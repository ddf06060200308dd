/** What names the service takes, in bytes of UTF-8; most file systems count characters. */
const MAX_BYTES = 255;
/** More than this behind the last dot is no extension. */
const EXTENSION = /[^.]\.[^.\s]{1,31}$/;

/** What no name may hold: control characters, and the overrides that let `exe.pdf` end in `fdp.exe`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNCLEAN = /[\u0000-\u001f\u007f-\u009f\u202d\u202e]/g;

const sizeOf = (text: string) => new TextEncoder().encode(text).length;

/**
 * A file's name as the service takes it: without control characters, at most 255 bytes of UTF-8. What is longer loses its
 * folders, then the end of its name, between two characters as people see them and with the extension kept.
 * @returns the same for a name that fits; `file` where nothing is left.
 */
export function fitFileName(name: string): string {
  // Half of a surrogate pair becomes U+FFFD, as in every UTF-8.
  const clean = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    new TextEncoder().encode(name.replace(UNCLEAN, '')),
  );
  if (sizeOf(clean) <= MAX_BYTES) return clean || 'file';
  // macOS writes letters and their marks apart.
  const last = clean.replace(/^.*[/\\]/s, '').normalize('NFC') || 'file';
  if (sizeOf(last) <= MAX_BYTES) return last;
  const extension = EXTENSION.exec(last)?.[0].slice(1) ?? '';
  const stem = last.slice(0, last.length - extension.length);
  const maxBytes = MAX_BYTES - sizeOf(extension);
  // A letter may bear more marks than any name may have bytes.
  return (cut(charactersOf(stem), maxBytes) || cut(stem, maxBytes)) + extension;
}

/** As people see them; Firefox before 125 has no segmenter. */
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
