import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type';
import { essence } from '../media-type.ts';

/** How many of an object's first bytes `contradiction` needs: what the `file-type` library asks for. */
export const SAMPLE_BYTES = 4100;

/**
 * Types that share a container or go by several names: detection from the first bytes tells the family, and often no
 * more (a .docx whose first entry is large looks like any ZIP).
 */
const FAMILIES: readonly (readonly string[])[] = [
  ['image/jpeg', 'image/jpg', 'image/pjpeg'],
  ['image/png', 'image/apng'],
  ['image/x-icon', 'image/vnd.microsoft.icon'],
  ['image/bmp', 'image/x-ms-bmp'],
  ['image/heic', 'image/heif', 'image/heic-sequence', 'image/heif-sequence', 'image/avif'],
  ['image/tiff', 'image/x-adobe-dng', 'image/x-canon-cr2', 'image/x-nikon-nef', 'image/x-sony-arw'],
  ['video/mp4', 'video/quicktime', 'video/x-m4v', 'video/3gpp', 'video/3gpp2', 'audio/mp4', 'audio/x-m4a', 'audio/m4a'],
  ['video/webm', 'audio/webm', 'video/matroska', 'video/x-matroska', 'audio/x-matroska'],
  ['video/ogg', 'audio/ogg', 'application/ogg', 'audio/opus'],
  ['video/mpeg', 'video/mp1s', 'video/mp2p'],
  ['video/vnd.avi', 'video/x-msvideo', 'video/avi'],
  ['video/x-ms-asf', 'audio/x-ms-asf', 'application/vnd.ms-asf', 'video/x-ms-wmv', 'audio/x-ms-wma'],
  ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
  ['audio/mpeg', 'audio/mp3'],
  ['audio/aac', 'audio/x-aac'],
  ['audio/flac', 'audio/x-flac'],
  ['audio/aiff', 'audio/x-aiff'],
  ['audio/midi', 'audio/x-midi'],
  ['application/gzip', 'application/x-gzip'],
  ['application/x-rar-compressed', 'application/vnd.rar'],
  ['application/x-bzip2', 'application/x-bzip'],
  ['application/rtf', 'text/rtf'],
  ['application/postscript', 'application/eps'],
  ['application/x-msdownload', 'application/vnd.microsoft.portable-executable'],
  ['application/x-cfb', 'application/msword', 'application/vnd.ms-excel', 'application/vnd.ms-powerpoint'],
  ['application/x-cfb', 'application/vnd.ms-outlook', 'application/vnd.visio'],
  ['application/zip', 'application/x-zip-compressed', 'application/epub+zip', 'application/java-archive', 'model/3mf'],
  ['application/zip', 'application/vnd.android.package-archive', 'application/x-xpinstall'],
];

const ZIP_PREFIXES = ['application/vnd.openxmlformats-', 'application/vnd.oasis.opendocument.'];
const MACRO_ENABLED = '.macroenabled.12';

/** Types with a signature that a valid file may lack, or that stands elsewhere than at the start. */
const OPTIONAL_SIGNATURE = new Set([
  ...['application/xml', 'text/calendar', 'text/vcard', 'text/vtt', 'model/stl', 'application/dicom'],
  ...[
    'application/x-tar',
    'application/x-apple-diskimage',
    'audio/mpeg',
    'audio/aac',
    'application/x-mobipocket-ebook',
  ],
]);

const FAMILY_OF = new Map<string, string>();
for (const type of supportedMimeTypes) FAMILY_OF.set(essence(type), essence(type));
for (const family of FAMILIES) for (const type of family) FAMILY_OF.set(type, family[0] ?? type);

/** Whether a type claims something the first bytes can confirm or contradict. */
export function hasSignature(contentType: string): boolean {
  return familyOf(essence(contentType)) !== undefined;
}

/**
 * What is wrong with an object that claims to be `contentType` and begins with `firstBytes`, or null. Only the
 * signature is looked at: this catches a type that lies, not a file that is broken or harmful.
 */
export async function contradiction(contentType: string, firstBytes: Uint8Array): Promise<string | null> {
  const claimed = familyOf(essence(contentType));
  if (claimed === undefined) return null;
  const found = await fileTypeFromBuffer(firstBytes);
  if (found === undefined) {
    const unsigned = OPTIONAL_SIGNATURE.has(claimed) || (claimed === 'application/pdf' && hasLatePdfHeader(firstBytes));
    return unsigned ? null : `the content is not ${essence(contentType)}`;
  }
  return familyOf(essence(found.mime)) === claimed
    ? null
    : `the content is ${essence(found.mime)}, not ${essence(contentType)}`;
}

function familyOf(type: string): string | undefined {
  if (ZIP_PREFIXES.some((prefix) => type.startsWith(prefix)) || type.endsWith(MACRO_ENABLED)) return 'application/zip';
  return FAMILY_OF.get(type);
}

/** Readers accept a PDF whose header stands anywhere in the first 1,024 bytes (ISO 32000-1, annex H, note 13). */
function hasLatePdfHeader(firstBytes: Uint8Array): boolean {
  return Buffer.from(firstBytes.subarray(0, 1024)).includes('%PDF-');
}
