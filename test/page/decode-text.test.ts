import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/page/decode-text.ts';

const bytesOf = (text: string, encoding: BufferEncoding) => Uint8Array.from(Buffer.from(text, encoding));

describe('decodeText', () => {
  it('reads UTF-8, with a byte order mark or without', () => {
    expect(decodeText(bytesOf('Grüße 🌲', 'utf8'), true)).toBe('Grüße 🌲');
    expect(decodeText(bytesOf('\ufeffGrüße', 'utf8'), true)).toBe('Grüße');
  });

  it('reads UTF-16 of either byte order by its mark', () => {
    const little = bytesOf('\ufeffGrüße 🌲', 'utf16le');
    expect(decodeText(little, true)).toBe('Grüße 🌲');
    expect(decodeText(Uint8Array.from(Buffer.from(little).swap16()), true)).toBe('Grüße 🌲');
  });

  // Node 20 takes Windows-1252 for Latin-1; test/browser/files.test.ts has the characters that differ.
  it('takes what is no UTF-8 for Windows-1252, of which Latin-1 is a part', () => {
    expect(decodeText(bytesOf('Grüße', 'latin1'), true)).toBe('Grüße');
  });

  it('takes UTF-8 that ends inside a character for UTF-8, unless the file ends there', () => {
    const cut = bytesOf('Grüße', 'utf8').subarray(0, 3);
    expect(decodeText(cut, false)).toBe('Gr');
    expect(decodeText(cut, true)).toBe('GrÃ');
  });
});
