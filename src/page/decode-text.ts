/** Byte order marks (Encoding Standard, section 6), and the encoding that each stands for. */
const MARKS: readonly [mark: readonly number[], encoding: string][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** The usual encoding of programs that do not write UTF-8. It decodes every byte, and reads Latin-1 too. */
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
