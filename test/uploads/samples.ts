/** The first bytes of many kinds of files. */

export const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
export const text = (content: string) => Buffer.from(content);
export const utf16 = (content: string) => Buffer.from(`\ufeff${content}`, 'utf16le');

/** These bytes, followed by bytes that are not text. */
export const padded = (digits: string, length = 600) =>
  Buffer.concat([hex(digits), Buffer.from(Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff))]);

const ascii = (content: string) => Buffer.from(content, 'latin1');
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const IHDR = hex('0000000d 49484452 00000001 00000001 08060000 001f15c489');
export const png = Buffer.concat([hex('89504e470d0a1a0a'), IHDR, hex('0000000a 49444154 789c6300')]);
export const apng = Buffer.concat([hex('89504e470d0a1a0a'), IHDR, hex('00000008 6163544c 0000000100000000 00000000')]);
export const jpeg = padded('ffd8ffe0 00104a46494600010100');
export const gif = Buffer.concat([ascii('GIF89a'), hex('01000100800000000000ffffff2c')]);
export const bmp = Buffer.concat([ascii('BM'), hex('3a000000 00000000 36000000 28000000 01000000 01000000')]);
export const ico = hex('00000100 0100 1010 0000 0100 2000 68040000 16000000 28000000');
export const pdf = Buffer.concat([ascii('%PDF-1.7\n%'), hex('e2e3cfd30a')]);
export const webm = Buffer.concat([
  hex('1a45dfa3 9f 4286 81 01 42f7 81 01 4282 84'),
  ascii('webm'),
  padded('42878104'),
]);
export const matroska = Buffer.concat([hex('1a45dfa3 93 4282 88'), ascii('matroska'), padded('42878104')]);
export const cfb = Buffer.concat([hex('d0cf11e0a1b11ae1'), Buffer.alloc(512)]);
export const exe = Buffer.concat([hex('4d5a90000300000004000000ffff0000b8'), Buffer.alloc(43), hex('80000000')]);
export const elf = hex('7f454c46 02010100 00000000 00000000 03003e00');
export const fatMachO = hex('cafebabe 00000002 01000007 00000003');
export const transportStream = Buffer.concat(Array.from({ length: 4 }, () => padded('47401110', 184)));
export const svg = text(
  '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<!-- Generator: an editor -->\r\n<!DOCTYPE svg PUBLIC "x" "y" [\r\n' +
    '  <!ENTITY ns "http://www.w3.org/2000/svg">\r\n] >\r\n<svg xmlns="&ns;">',
);

/** The first box of an ISO base media file (ISO/IEC 14496-12). */
export const box = (type: string, content = hex('0000000100000001')) =>
  Buffer.concat([uint32(content.length + 8), ascii(type), content, uint32(16), ascii('free'), Buffer.alloc(8)]);

/** An ISO base media file of these brands. */
export const isoMedia = (major: string, ...others: string[]) =>
  box('ftyp', Buffer.concat([ascii(major), uint32(0), ...others.map(ascii)]));

export const riff = (type: string, begin = 'RIFF') => Buffer.concat([ascii(begin), hex('24080000'), ascii(type), cfb]);
export const webp = riff('WEBP');
export const iff = (type: string) => Buffer.concat([ascii('FORM'), hex('00000824'), ascii(type), padded('00')]);

export const ogg = (codec: string) =>
  Buffer.concat([
    ascii('OggS'),
    hex('0002 0000000000000000 01000000 00000000 00000000 01 13'),
    ascii(codec),
    padded(''),
  ]);

/** A TIFF whose first directory is at this offset (TIFF 6.0, section 2). */
export const tiff = (offset: number, isBigEndian = false) => {
  const header = Buffer.from(isBigEndian ? 'MM\0*\0\0\0\0' : 'II*\0\0\0\0\0');
  if (isBigEndian) header.writeUInt32BE(offset, 4);
  else header.writeUInt32LE(offset, 4);
  return Buffer.concat([header, padded('ff', 4100)]);
};

/** A tag of so many bytes, and a frame of MP3. */
export const id3 = (size: number) =>
  Buffer.concat([
    ascii('ID3'),
    hex('030000'),
    Buffer.from([21, 14, 7, 0].map((bits) => (size >> bits) & 0x7f)),
    Buffer.alloc(size),
    padded('fffb9064'),
  ]);

/** The first entry of a ZIP, stored. */
export const zip = (name: string, content = '\0\x01') =>
  Buffer.concat([
    hex('504b0304 1400 0000 0000 00000000 00000000'),
    ...[content.length, content.length].map((length) => uint32(length).reverse()),
    Buffer.from([name.length, 0, 0, 0]),
    ascii(name),
    ascii(content),
  ]);

const MAIN_TYPES: Record<string, string> = { 'word/document.xml': 'wordprocessingml.document' };

/** An Office document with this main part. */
export const ooxml = (part: string) =>
  zip(
    '[Content_Types].xml',
    `<Override PartName="/${part}" ContentType="application/vnd.openxmlformats-officedocument.${
      MAIN_TYPES[part] ?? 'spreadsheetml.sheet'
    }.main+xml"/>`,
  );

export const openDocumentType = 'application/vnd.oasis.opendocument.text';
/** The type that systems report for fonts with the extension .otf. */
export const openDocumentFormula = 'application/vnd.oasis.opendocument.formula-template';
export const openDocument = zip('mimetype', openDocumentType);
