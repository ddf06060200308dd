import { fileTypeFromBuffer } from 'file-type';
import { essence, usualName } from '../contract/media-type.ts';
import { detectMarkup } from './detect-markup.ts';

/** How many of an object's first bytes are looked at, at most: what the `file-type` library asks for. */
export const SAMPLE_BYTES = 4100;

/**
 * Programs that a system would run: Windows (MZ), Linux (ELF), macOS (Mach-O, alone or several in one, in either
 * order).
 */
const EXECUTABLES: readonly (readonly [type: string, ...signatures: string[]])[] = [
  ['application/x-msdownload', '4d5a'],
  ['application/x-elf', '7f454c46'],
  ['application/x-mach-binary', 'feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', 'cafebabf', 'bebafeca', 'bfbafeca'],
];

/** What is certain from its first bytes alone, where `file-type` wants more of it than the sample has. */
const HEADERS: readonly (readonly [type: string, ...signatures: string[]])[] = [
  ['image/png', '89504e470d0a1a0a'],
  ['image/tiff', '49492a00', '4d4d002a', '49492b00', '4d4d002b'],
  ['image/jp2', '0000000c6a5020200d0a870a'],
  ['application/ogg', '4f676753'],
];

/**
 * Formats that are text: where all of the sample is text, the letters that begin others (`BM`, `ID3`, `FORM`) are
 * words.
 */
const TEXT_FORMATS = new Set([
  ...['application/pdf', 'application/postscript', 'application/rtf', 'text/vcard', 'text/calendar', 'text/vtt'],
  ...['application/x-ms-regedit', 'application/pgp-encrypted', 'application/xml', 'image/gif'],
]);

/** The brands of ISO base media files that are images (MP4 Registration Authority, "Brands"). */
const IMAGE_BRAND = /^(mif[12]|msf1|miaf|he[iv][cmsx]|avc[is]|avi[fos]|jpeg|jpgs|j2ki|j2is|1pic|vvi[cs]|evb[is])$/;

/**
 * What the first bytes of an object positively are: one type, without parameters. A signature that is missing says
 * nothing, and neither does one of two bytes or eleven bits, which other files have by chance: those count only where
 * the client claims the like.
 * @param sample at most `SAMPLE_BYTES`: what lies behind them is unknown, and no contradiction.
 * @returns null where nothing is certain.
 */
export async function detectContentType(sample: Uint8Array, claimed: string): Promise<string | null> {
  const bytes = Buffer.from(sample);
  const found = detectExecutable(bytes) ?? detectMarkup(bytes) ?? (await detectFormat(bytes, usualName(claimed)));
  const isPdf = usualName(claimed) === 'application/pdf' && hasLatePdfHeader(bytes);
  return isPdf && (found === null || found === 'application/postscript') ? 'application/pdf' : found;
}

/** Whether bytes hold nothing that no text has (WHATWG MIME Sniffing standard, section 3, "binary data byte"). */
export function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte > 0x1f || (byte >= 0x09 && byte <= 0x0d && byte !== 0x0b) || byte === 0x1b);
}

function detectExecutable(bytes: Buffer): string | null {
  // A Java class begins so as well; its version, 45 or more, stands where several in one are counted.
  const parts = bytes.length >= 8 && begins(bytes, 'cafebabe') ? bytes.readUInt32BE(4) : 0;
  return parts > 0 && parts <= 30 ? 'application/x-mach-binary' : lookUp(EXECUTABLES, bytes);
}

async function detectFormat(bytes: Buffer, claimed: string): Promise<string | null> {
  // It reads whatever anybody has written. Where it stumbles, nothing is certain.
  const found = await fileTypeFromBuffer(bytes).catch(() => undefined);
  const type = found === undefined ? lookUp(HEADERS, bytes) : usualName(found.mime);
  const isWord = isText(bytes) && bytes.subarray(0, 4).every((byte) => byte < 0x80);
  if (type === null || (isWord && !TEXT_FORMATS.has(type)) || !isCertain(type, bytes, claimed)) return null;
  return type === 'video/mp4' && hasImageBrand(bytes) ? 'image/heif' : essence(found?.mime ?? type);
}

/** Whether the signature says enough; and where not, whether the bytes behind it do, or the client claims the like. */
function isCertain(type: string, bytes: Buffer, claimed: string): boolean {
  const [kind] = type.split('/');
  const isAlike = claimed.startsWith(`${kind}/`);
  switch (type) {
    case 'application/x-msdownload':
    case 'application/x-elf':
    case 'application/x-mach-binary':
      // Behind a byte order mark or a tag of sound it is no program.
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

/** In a file whose first brand says no more than that it is an ISO base media file. */
function hasImageBrand(bytes: Buffer): boolean {
  if (bytes.toString('latin1', 4, 8) !== 'ftyp') return false;
  const end = Math.min(bytes.readUInt32BE(0), bytes.length - 3);
  for (let at = 8; at < end; at += 4) if (IMAGE_BRAND.test(bytes.toString('latin1', at, at + 4))) return true;
  return false;
}

/**
 * Readers accept a PDF whose header stands anywhere in the first 1,024 bytes (ISO 32000-1, annex H, notes 13 and 14).
 */
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
