import { supportedMimeTypes } from 'file-type';
import { usualName } from '../contract/media-type.ts';
import { isRendered, kindOf } from '../contract/rendered-types.ts';
import { detectContentType, isText } from './detect-content-type.ts';

const anyOf = (...patterns: RegExp[]) => new RegExp(patterns.map(({ source }) => source).join('|'));

/**
 * A program may be stored as one of these types: a program's type, or one that says nothing about the content. Under
 * any other type, a program deceives the person who opens it.
 */
const OPAQUE =
  /^application\/(octet-stream|x-octet-stream|(x-)?(binary|unknown|unknown-content-type|download|force-download))$/;
const EXECUTABLE = anyOf(
  /^application\/(x-)?(msdownload|msdos-program|dosexec|ms-dos-executable|dos-exe|exe|winexe|executable)$/,
  /^application\/(x-)?(pie-executable|sharedlib|object|elf|core|coredump|kernel-module|mach-binary)$/,
  /^application\/(x-)?(mach-o(-[a-z]+)?|java-jnilib|appimage|iso9660-appimage|makeself|vnd\.appimage)$/,
  /^application\/(x-)?(vnd\.microsoft\.portable-executable|efi)$/,
);

/** Containers of many formats: accepted for every type whose format is unknown here. */
const CONTAINERS = /^application\/(zip|x-cfb|gzip|xml|vnd\.sqlite3)$/;

const ZIP = anyOf(
  /^application\/(zip|java-archive|x-java-archive|x-xpinstall)$/,
  /^application\/vnd\.(openxmlformats-.+|oasis\.opendocument\..+|android\.package-archive|visio)$/,
  /^application\/vnd\.(.+\.macroenabled\.12|apple\.(pages|numbers|keynote))$/,
  /^(model\/3mf|.+\+zip)$/,
);
/** Office before 2007. Its programs also save other formats (RTF, HTML, XML) under these types. */
const OFFICE = /^application\/(msword|vnd\.(ms-(excel|powerpoint|works|project|outlook|publisher|office)|visio))/;
const OFFICE_CONTENT = /^(application\/(x-cfb|rtf|xml|xhtml\+xml)|text\/html)$/;
const MARKUP = /^(text\/html|application\/xhtml\+xml|image\/svg\+xml|application\/xml)$/;
/** Types whose files are markup, or may begin with markup: sources, templates, Markdown, messages. */
const MAY_BE_MARKUP = anyOf(
  /^(.+\+xml|application\/(xml(-.+)?|x-httpd-php|x-php|x-wais-source)|message\/.+|multipart\/.+)$/,
  /^text\/(?!plain|csv|css|calendar|vcard|tab-separated-values|javascript).+$/,
);
const ISO_MEDIA = anyOf(
  /^video\/(mp4|quicktime|3gpp2?|x-f4v|iso\.segment)$/,
  /^(audio\/(mp4|3gpp2?|x-m4[br]|vnd\.audible.*)|application\/mp4)$/,
  /^image\/(hei[cf](-sequence)?|avif|x-canon-cr3)$/,
);
const OGG = /^((application|video|audio)\/ogg|audio\/(opus|vorbis|(x-)?speex)|video\/x-(theora|ogm)|.+\+ogg)$/;
const MPEG = /^(video\/(mpeg|mp2[pt]|vnd\.dlna\.mpeg-tts|dvd|x-(ms-)?vob)|audio\/(mpeg|mp2|x-mp2|aac))$/;
const TIFF = /^image\/(tiff|x-(adobe-dng|canon-cr2|nikon-nef|sony-arw|olympus-orf|panasonic-rw2?|pentax-pef|dcraw))$/;
const FONT =
  /^(font\/.+|application\/(x-)?font-.+|application\/vnd\.(ms-opentype|oasis\.opendocument\.formula-template))$/;
const COMPRESSED = /^application\/(gzip|x-bzip2|x-xz|zstd|x-compress|x-lzip|x-lz4|x-tar)$/;
/** Types of files that may be compressed: the type names the archive, or the archive and its compression. */
const MAY_BE_COMPRESSED = anyOf(
  /^application\/(x-g?tar|x-tgz|x-compressed|x-(.+-)?compressed-tar|x-gtar-compressed|x-apple-diskimage)$/,
  /^(image\/svg\+xml(-compressed)?|.+\+gzip)$/,
);

/** Content that was detected, and the claimed types that such files may have. */
const FAMILIES: readonly (readonly [found: RegExp, claimed: RegExp])[] = [
  // A large first entry of the ZIP hides which of these formats it is.
  [ZIP, ZIP],
  [ZIP, OFFICE],
  [OFFICE_CONTENT, OFFICE],
  // Documents with a password are encrypted inside a compound file (MS-OFFCRYPTO, section 2.3).
  [/^application\/x-cfb$/, /^application\/vnd\.(openxmlformats-.+|.+\.macroenabled\.12)$/],
  // Windows installers are compound files, too.
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
  // A PostScript font is a PostScript program; an Illustrator file is a PDF.
  [/^application\/postscript$/, FONT],
  [/^application\/(pdf|postscript)$/, /^application\/(postscript|illustrator|vnd\.adobe\.illustrator)$/],
  [/^application\/pgp-encrypted$/, /^application\/pgp-.+$/],
  [/^application\/x-mobipocket-ebook$/, /^application\/(vnd\.amazon\..+|vnd\.palm|x-palm-database)$/],
];

/** Types that the file-type library detects; every other format counts as unknown. */
const KNOWN = new Set([...supportedMimeTypes].map(usualName));

/** The content type detected in an object's first bytes, and the reason for a refusal if there is one. */
type ContentCheck = { detected: string | null; refusal: string | null };

/**
 * Decides whether content that begins with `sample` may be stored with the claimed type. Clients derive the type from
 * the file's extension and are often wrong, so a mismatch alone is not refused. Refused are harmful mismatches:
 * - a program under a type that is neither a program's (`EXECUTABLE`) nor unspecific (`OPAQUE`);
 * - another kind of content under a type that browsers render: HTML as PNG, a ZIP as JPEG, GIF as MP4. A WebP as JPEG
 *   is fine: both are images;
 * - content whose own type the limits do not allow: a WebP as JPEG if only JPEG and PNG are allowed. Content that files
 *   of the claimed type normally have (`FAMILIES`) is fine.
 * @param isAllowed whether the limits allow a type.
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

/** The signature of Windows programs is two letters, MZ: at the start of a text they are just a word. */
function isWord(sample: Uint8Array, type: string): boolean {
  if (isRendered(type) || !isText(sample)) return false;
  return type.startsWith('text/') || sample.includes(0x0a);
}

function isFamily(found: string, type: string): boolean {
  if (FAMILIES.some(([content, claimed]) => content.test(found) && claimed.test(type))) return true;
  const isUnknown = /^(application|model|chemical|image)\/(?!json|javascript)/.test(type) && !KNOWN.has(type);
  return isUnknown && !isRendered(type) && CONTAINERS.test(found);
}
