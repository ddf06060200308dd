import { supportedMimeTypes } from 'file-type';
import { usualName } from '../contract/media-type.ts';
import { isRendered, kindOf } from '../contract/rendered-types.ts';
import { detectContentType, isText } from './detect-content-type.ts';

/**
 * The types that programs come under: those that say so, and those that say nothing of the content. Under any other, a
 * program is a trap for whoever opens it.
 */
const OPAQUE =
  /^application\/(octet-stream|x-octet-stream|(x-)?(binary|unknown|unknown-content-type|download|force-download))$/;
const EXECUTABLE =
  /^application\/(x-)?(msdownload|msdos-program|dosexec|ms-dos-executable|dos-exe|exe|winexe|executable|pie-executable|sharedlib|object|elf|core|coredump|kernel-module|mach-binary|mach-o(-[a-z]+)?|java-jnilib|appimage|iso9660-appimage|makeself|vnd\.appimage|vnd\.microsoft\.portable-executable|efi)$/;

/**
 * Containers that many formats use, of which only a few are known here: they are what a type of an unknown format
 * holds.
 */
const CONTAINERS = /^application\/(zip|x-cfb|gzip|xml|vnd\.sqlite3)$/;

const ZIP =
  /^(application\/(zip|java-archive|x-java-archive|x-xpinstall|vnd\.(openxmlformats-.+|oasis\.opendocument\..+|android\.package-archive|visio|.+\.macroenabled\.12|apple\.(pages|numbers|keynote)))|model\/3mf|.+\+zip)$/;
/** Office before 2007. Its programs save other formats under these types as well, on demand or for the web. */
const OFFICE = /^application\/(msword|vnd\.(ms-(excel|powerpoint|works|project|outlook|publisher|office)|visio))/;
const OFFICE_CONTENT = /^(application\/(x-cfb|rtf|xml|xhtml\+xml)|text\/html)$/;
const MARKUP = /^(text\/html|application\/xhtml\+xml|image\/svg\+xml|application\/xml)$/;
/** Types whose files are markup, or may begin with some: sources, templates, Markdown, messages. */
const MAY_BE_MARKUP =
  /^(.+\+xml|application\/(xml(-.+)?|x-httpd-php|x-php|x-wais-source)|message\/.+|multipart\/.+|text\/(?!plain|csv|css|calendar|vcard|tab-separated-values|javascript).+)$/;
const ISO_MEDIA =
  /^(video\/(mp4|quicktime|3gpp2?|x-f4v|iso\.segment)|audio\/(mp4|3gpp2?|x-m4[br]|vnd\.audible.*)|application\/mp4|image\/(hei[cf](-sequence)?|avif|x-canon-cr3))$/;
const OGG = /^((application|video|audio)\/ogg|audio\/(opus|vorbis|(x-)?speex)|video\/x-(theora|ogm)|.+\+ogg)$/;
const MPEG = /^(video\/(mpeg|mp2[pt]|vnd\.dlna\.mpeg-tts|dvd|x-(ms-)?vob)|audio\/(mpeg|mp2|x-mp2|aac))$/;
const TIFF = /^image\/(tiff|x-(adobe-dng|canon-cr2|nikon-nef|sony-arw|olympus-orf|panasonic-rw2?|pentax-pef|dcraw))$/;
const FONT =
  /^(font\/.+|application\/(x-)?font-.+|application\/vnd\.(ms-opentype|oasis\.opendocument\.formula-template))$/;
const COMPRESSED = /^application\/(gzip|x-bzip2|x-xz|zstd|x-compress|x-lzip|x-lz4|x-tar)$/;
/** Of these, those of an archive are told by the archive's type, or by one for both. */
const MAY_BE_COMPRESSED =
  /^(application\/(x-g?tar|x-tgz|x-compressed|x-(.+-)?compressed-tar|x-gtar-compressed|x-apple-diskimage)|image\/svg\+xml(-compressed)?|.+\+gzip)$/;

/** What files of a type are made of: content that is found, and the types that it may be told under. */
const FAMILIES: readonly (readonly [found: RegExp, claimed: RegExp])[] = [
  // A first entry that is large hides which of them it is.
  [ZIP, ZIP],
  [ZIP, OFFICE],
  [OFFICE_CONTENT, OFFICE],
  // What has a password is encrypted as a whole, and kept in a compound file (MS-OFFCRYPTO, section 2.3).
  [/^application\/x-cfb$/, /^application\/vnd\.(openxmlformats-.+|.+\.macroenabled\.12)$/],
  // So are installers for Windows.
  [/^application\/x-cfb$/, /^application\/(x-ms-installer|x-msi|x-msdownload)$/],
  [MARKUP, MAY_BE_MARKUP],
  [/^(application\/(xml|rtf|postscript|x-ms-regedit|pgp-encrypted)|text\/(?!html).+)$/, /^text\/plain$/],
  [/^(application\/xml|text\/(?!html).+)$/, /^text\/.+$/],
  [ISO_MEDIA, ISO_MEDIA],
  [OGG, OGG],
  [MPEG, MPEG],
  [/^(video\/(webm|matroska)|audio\/webm)$/, /^(video|audio)\/(webm|(x-)?matroska(-3d)?)$/],
  [/^(video|audio)\/x-ms-asf$/, /^(video|audio)\/x-ms-.+$/],
  [/^image\/jpeg$/, /^video\/x-(motion-jpeg|mjpeg)$/],
  [/^image\/a?png$/, /^image\/a?png$/],
  [/^image\/j(p[2mx]|2c)$/, /^image\/(jp[2mx]|j2c|jpeg2000|x-jp2.*)$/],
  [TIFF, TIFF],
  [FONT, FONT],
  [COMPRESSED, MAY_BE_COMPRESSED],
  // A font of PostScript is a program of it; a file of Illustrator is a PDF.
  [/^application\/postscript$/, FONT],
  [/^application\/(pdf|postscript)$/, /^application\/(postscript|illustrator|vnd\.adobe\.illustrator)$/],
  [/^application\/pgp-encrypted$/, /^application\/pgp-.+$/],
  [/^application\/x-mobipocket-ebook$/, /^application\/(vnd\.amazon\..+|vnd\.palm|x-palm-database)$/],
];

/** Types whose files file-type knows: an unknown format is none of them. */
const KNOWN = new Set([...supportedMimeTypes].map(usualName));

/** What an object's first bytes were found to be, and why it may be no file, if so. */
export type ContentCheck = { detected: string | null; refusal: string | null };

/**
 * Whether content that begins with `sample` may be kept as what it claims to be. A claimed type is a hint: systems tell
 * it by a file's extension, and are often wrong. So nothing is refused for being something else, but for the harm in
 * it:
 * - a program under any type but a program's (`EXECUTABLE`) or one that says nothing (`OPAQUE`);
 * - another kind of content than claimed under a type that browsers show by themselves: HTML as PNG, a ZIP as JPEG, GIF
 *   as MP4; a WebP as JPEG is an image, too, and shown as one;
 * - content that the limits would not allow under its own name, unless it is what files of the claimed type are made of
 *   (`FAMILIES`): a WebP as JPEG where only JPEG and PNG are allowed.
 * @param isAllowed what the limits say of a type.
 */
export async function checkContent(
  claimed: string,
  sample: Uint8Array,
  isAllowed: (contentType: string) => boolean,
): Promise<ContentCheck> {
  const type = usualName(claimed);
  const detected = await detectContentType(sample, type);
  if (detected === null || usualName(detected) === type) return { detected, refusal: null };
  if (EXECUTABLE.test(detected) && isWord(sample, type)) return { detected: null, refusal: null };
  if (OPAQUE.test(type)) return { detected, refusal: null };
  if (EXECUTABLE.test(detected)) {
    if (EXECUTABLE.test(type)) return { detected, refusal: null };
    return { detected, refusal: `the content is a program (${detected}), not ${type}` };
  }
  const isOfOtherKind = isRendered(type) && kindOf(detected) !== kindOf(type);
  if (isOfOtherKind) return { detected, refusal: `the content is ${detected}, not ${type}` };
  if (isAllowed(detected) || isFamily(usualName(detected), type)) return { detected, refusal: null };
  return { detected, refusal: `the content is ${detected}, not ${type}, and not allowed here` };
}

/** Two letters, MZ, are a program's signature: in lines of text, under a type that may hold some, they are a word. */
function isWord(sample: Uint8Array, type: string): boolean {
  if (isRendered(type) || !isText(sample)) return false;
  return type.startsWith('text/') || sample.includes(0x0a);
}

function isFamily(found: string, type: string): boolean {
  if (FAMILIES.some(([content, claimed]) => content.test(found) && claimed.test(type))) return true;
  const isUnknown = /^(application|model|chemical|image)\/(?!json|javascript)/.test(type) && !KNOWN.has(type);
  return isUnknown && !isRendered(type) && CONTAINERS.test(found);
}
