import { fileTypeFromBuffer } from 'file-type';
import { essence, usualName } from '../contract/media-type.ts';
import { detectMarkup } from './detect-markup.ts';

/** Executables: Windows (MZ), Linux (ELF), macOS (Mach-O, single or universal, in both byte orders). */
const EXECUTABLES: readonly (readonly [type: string, ...signatures: string[]])[] = [
  ['application/x-msdownload', '4d5a'],
  ['application/x-elf', '7f454c46'],
  ['application/x-mach-binary', 'feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', 'cafebabf', 'bebafeca', 'bfbafeca'],
];

/** Formats that their first bytes identify, although `file-type` wants more bytes than the sample has. */
const HEADERS: readonly (readonly [type: string, ...signatures: string[]])[] = [
  ['image/png', '89504e470d0a1a0a'],
  ['image/tiff', '49492a00', '4d4d002a', '49492b00', '4d4d002b'],
  ['image/jp2', '0000000c6a5020200d0a870a'],
  ['application/ogg', '4f676753'],
];

/** Text formats. If the sample is text, the letters that begin other formats (`BM`, `ID3`, `FORM`) are just words. */
const TEXT_FORMATS = new Set([
  'application/pdf',
  'application/postscript',
  'application/rtf',
  'text/vcard',
  'text/calendar',
  'text/vtt',
  'application/x-ms-regedit',
  'application/pgp-encrypted',
  'application/xml',
  'image/gif',
]);

/** The brands of ISO base media files that are images (MP4 Registration Authority, "Brands"). */
const IMAGE_BRAND = /^(mif[12]|msf1|miaf|he[iv][cmsx]|avc[is]|avi[fos]|jpeg|jpgs|j2ki|j2is|1pic|vvi[cs]|evb[is])$/;

/**
 * The content type that an object's first bytes certainly have, without parameters. A missing signature proves nothing;
 * nor does a signature of only two bytes or eleven bits, which other files may have by chance: it counts only if the
 * client claims a similar type.
 * @param sample at most `SAMPLE_BYTES` (`verifyObject`); the rest of the object is unknown.
 * @returns null if no type is certain.
 */
export async function detectContentType(sample: Uint8Array, claimed: string): Promise<string | null> {
  const bytes = Buffer.from(sample);
  const found = detectExecutable(bytes) ?? detectMarkup(bytes) ?? (await detectFormat(bytes, usualName(claimed)));
  const isPdf = usualName(claimed) === 'application/pdf' && hasLatePdfHeader(bytes);
  return isPdf && (found === null || found === 'application/postscript') ? 'application/pdf' : found;
}

/** Whether no byte is a "binary data byte" (WHATWG MIME Sniffing standard, section 3). */
export function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte > 0x1f || (byte >= 0x09 && byte <= 0x0d && byte !== 0x0b) || byte === 0x1b);
}

function detectExecutable(bytes: Buffer): string | null {
  // A Java class has the same signature as a universal Mach-O; its version (45 or more) is where Mach-O has its count.
  const parts = bytes.length >= 8 && begins(bytes, 'cafebabe') ? bytes.readUInt32BE(4) : 0;
  return parts > 0 && parts <= 30 ? 'application/x-mach-binary' : lookUp(EXECUTABLES, bytes);
}

async function detectFormat(bytes: Buffer, claimed: string): Promise<string | null> {
  // The library parses untrusted bytes: an error means that no type is certain.
  const found = await fileTypeFromBuffer(bytes).catch(() => undefined);
  const type = found === undefined ? lookUp(HEADERS, bytes) : usualName(found.mime);
  const isWord = isText(bytes) && bytes.subarray(0, 4).every((byte) => byte < 0x80);
  if (type === null || (isWord && !TEXT_FORMATS.has(type)) || !isCertain(type, bytes, claimed)) return null;
  return type === 'video/mp4' && hasImageBrand(bytes) ? 'image/heif' : essence(found?.mime ?? type);
}

/** Whether the signature is long enough, or the following bytes or a similar claimed type support it. */
function isCertain(type: string, bytes: Buffer, claimed: string): boolean {
  const [kind] = type.split('/');
  const isAlike = claimed.startsWith(`${kind}/`);
  switch (type) {
    case 'application/x-msdownload':
    case 'application/x-elf':
    case 'application/x-mach-binary':
      // After a byte order mark or an ID3 tag, the bytes cannot be a program.
      return false;
    case 'application/x-apple-diskimage':
    case 'application/x-arj':
    case 'application/x-compress':
    case 'application/x-cpio':
      return type === claimed;
    case 'audio/vnd.dolby.dd-raw':
    case 'model/stl':
      return isAlike;
    case 'audio/mpeg':
    case 'audio/aac':
      return isAlike || claimed.startsWith('video/') || begins(bytes, '494433');
    case 'audio/aiff':
      return /^AIF[CF]$/.test(bytes.toString('latin1', 8, 12));
    case 'application/postscript':
      return !begins(bytes, '2521') || begins(bytes, '25215053');
    case 'font/ttf':
      return bytes.length > 5 && bytes.readUInt16BE(4) > 0 && bytes.readUInt16BE(4) <= 64;
    case 'image/bmp':
      return bytes.length > 17 ? [12, 16, 40, 52, 56, 64, 108, 124].includes(bytes.readUInt32LE(14)) : isAlike;
    case 'image/gif':
      return /^GIF8[79]a/.test(bytes.toString('latin1', 0, 6));
    case 'image/jxl':
      return isAlike || !begins(bytes, 'ff0a');
    case 'image/x-icon':
      return bytes.length > 5 && bytes.readUInt16LE(4) > 0 && bytes.readUInt16LE(4) <= 256;
    case 'video/mp2t':
      return isAlike || bytes[376] === 0x47 || bytes[388] === 0x47;
    default:
      return true;
  }
}

/** Whether a later brand is an image's: for files whose first brand is the generic ISO base media brand. */
function hasImageBrand(bytes: Buffer): boolean {
  if (bytes.toString('latin1', 4, 8) !== 'ftyp') return false;
  const end = Math.min(bytes.readUInt32BE(0), bytes.length - 3);
  for (let at = 8; at < end; at += 4) if (IMAGE_BRAND.test(bytes.toString('latin1', at, at + 4))) return true;
  return false;
}

/** Readers accept a PDF header anywhere in the first 1,024 bytes (ISO 32000-1, annex H, notes 13 and 14). */
function hasLatePdfHeader(bytes: Buffer): boolean {
  return bytes.subarray(0, 1024).includes('%PDF-');
}

function lookUp(table: typeof HEADERS, bytes: Buffer): string | null {
  return table.find(([, ...signatures]) => signatures.some((signature) => begins(bytes, signature)))?.[0] ?? null;
}

function begins(bytes: Buffer, signature: string): boolean {
  const expected = Buffer.from(signature, 'hex');
  return bytes.subarray(0, expected.length).equals(expected);
}
