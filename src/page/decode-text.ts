/** Byte order marks (the Encoding Standard, section 6), and what follows them. */
const MARKS: readonly [mark: readonly number[], encoding: string][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** What programs write that know no UTF-8. Every byte is a character of it, and those of Latin-1 are the same. */
const LEGACY = 'windows-1252';

/**
 * A text file's bytes as text: in the encoding of its byte order mark, else in UTF-8 if they are UTF-8, else in
 * Windows-1252.
 * @param isWhole false if the bytes end before the file does, perhaps inside a character, which is left out.
 */
export function decodeText(bytes: Uint8Array<ArrayBuffer>, isWhole: boolean): string {
  const marked = MARKS.find(([mark]) => mark.every((byte, index) => bytes[index] === byte))?.[1];
  if (marked !== undefined) return new TextDecoder(marked).decode(bytes, { stream: !isWhole });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !isWhole });
  } catch {
    return new TextDecoder(LEGACY).decode(bytes);
  }
}
