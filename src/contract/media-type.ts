/** `type/subtype`, with the characters that registrations may use (RFC 6838, section 4.2). */
const ESSENCE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;
/** Names of parameters, and values without quotes (RFC 9110, section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** Further characters in a quoted value: none that ends a header, a quoted string or a list of parameters. */
const VALUE = /^[\w !#$%&'*+,./:=@^`|~-]*$/;
/** A name, and a value with or without quotes; a quoted one may hold semicolons. */
const PARAMETERS = /;[\t ]*([^;=]*)(?:=(?:"((?:[^"\\]|\\.)*)"|([^;]*)))?[^;]*/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL_CHARACTER = /[\0-\x08\x0a-\x1f\x7f]/;

/** Limit in bytes: the type is part of the object's signed metadata. */
const MAX_MEDIA_TYPE_LENGTH = 128;
/** Limit in characters of what a client sends: parameters may be dropped. */
const MAX_TEXT_LENGTH = 1024;

/** The usual name of a type, and its old or unregistered names that systems and libraries report. */
const NAMES: readonly (readonly [usual: string, ...others: string[]])[] = [
  ['image/jpeg', 'image/jpg', 'image/pjpeg'],
  ['image/png', 'image/x-png'],
  ['image/bmp', 'image/x-ms-bmp', 'image/x-bmp', 'image/x-windows-bmp'],
  ['image/x-icon', 'image/vnd.microsoft.icon', 'image/ico', 'image/x-win-bitmap'],
  ['image/x-fujifilm-raf', 'image/x-fuji-raf'],
  ['image/tiff', 'image/tif', 'image/x-tiff'],
  ['image/svg+xml', 'image/svg'],
  ['image/vnd.adobe.photoshop', 'image/x-adobe-photoshop', 'image/x-photoshop', 'image/psd'],
  ['audio/mpeg', 'audio/mp3', 'audio/x-mp3', 'audio/x-mpeg', 'audio/mpeg3', 'audio/x-mpeg-3'],
  ['audio/mp4', 'audio/m4a', 'audio/x-m4a'],
  ['audio/aac', 'audio/x-aac', 'audio/aacp', 'audio/x-hx-aac-adts', 'audio/vnd.dlna.adts'],
  ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave', 'audio/x-pn-wav'],
  ['audio/flac', 'audio/x-flac'],
  ['audio/aiff', 'audio/x-aiff', 'audio/x-aifc'],
  ['image/icns', 'image/x-icns'],
  ['audio/midi', 'audio/x-midi', 'audio/mid'],
  ['audio/ogg', 'audio/x-ogg'],
  ['video/x-ms-asf', 'application/vnd.ms-asf'],
  ['video/x-msvideo', 'video/avi', 'video/msvideo', 'video/vnd.avi'],
  ['video/mp4', 'video/x-m4v', 'video/x-mp4'],
  ['video/matroska', 'video/x-matroska'],
  ['video/mpeg', 'video/mp1s', 'video/mp2p', 'video/x-mpeg'],
  ['application/pdf', 'application/x-pdf'],
  ['application/zip', 'application/x-zip', 'application/x-zip-compressed'],
  ['application/gzip', 'application/x-gzip'],
  ['application/vnd.rar', 'application/rar', 'application/x-rar', 'application/x-rar-compressed'],
  ['application/x-7z-compressed', 'application/x-7z'],
  ['application/x-bzip2', 'application/x-bzip'],
  ['application/x-tar', 'application/tar'],
  ['application/zstd', 'application/x-zstd'],
  ['application/rtf', 'application/x-rtf', 'text/rtf', 'text/richtext'],
  ['application/xml', 'text/xml'],
  ['application/json', 'text/x-json', 'text/json', 'application/x-json'],
  ['text/csv', 'text/comma-separated-values', 'text/x-csv', 'application/csv', 'application/x-csv'],
  ['text/vcard', 'text/x-vcard'],
  ['text/calendar', 'text/x-vcalendar'],
  ['text/markdown', 'text/x-markdown'],
  ['application/postscript', 'application/eps', 'image/x-eps'],
  [
    'application/vnd.ms-excel',
    'application/msexcel',
    'application/x-msexcel',
    'application/x-excel',
    'application/excel',
  ],
  ['application/msword', 'application/x-msword', 'application/vnd.msword', 'application/vnd.ms-word'],
  ['application/vnd.ms-powerpoint', 'application/mspowerpoint', 'application/powerpoint', 'application/x-mspowerpoint'],
  ['application/vnd.sqlite3', 'application/x-sqlite3'],
  ['application/octet-stream', 'binary/octet-stream'],
  ['application/x-deb', 'application/vnd.debian.binary-package', 'application/x-debian-package'],
  ['application/x-rpm', 'application/x-redhat-package-manager'],
  ['application/x-unix-archive', 'application/x-archive'],
  ['application/x-xz', 'application/xz'],
  ['application/x-lzip', 'application/lzip'],
  ['application/x-lz4', 'application/lz4'],
  ['application/x-lzh-compressed', 'application/x-lha', 'application/x-lzh'],
  ['application/vnd.ms-cab-compressed', 'application/x-cab', 'application/cab'],
  ['application/vnd.ms-htmlhelp', 'application/x-chm', 'application/chm'],
  ['application/vnd.tcpdump.pcap', 'application/x-pcap', 'application/pcap', 'application/cap'],
  ['application/vnd.rn-realmedia', 'application/vnd.rn-realmedia-vbr', 'audio/x-pn-realaudio'],
  ['application/x-shockwave-flash', 'application/vnd.adobe.flash.movie'],
  ['application/java-vm', 'application/x-java', 'application/x-java-vm'],
  ['application/x-ms-regedit', 'text/x-ms-regedit'],
  ['application/x.ms.shortcut', 'application/x-ms-shortcut'],
  ['image/vnd.dwg', 'image/x-dwg', 'application/acad', 'application/x-acad', 'application/dwg', 'application/x-dwg'],
  ['image/vnd.ms-photo', 'image/jxr'],
  ['audio/ape', 'audio/x-ape', 'audio/x-monkeys-audio'],
  ['audio/wavpack', 'audio/x-wavpack'],
  ['audio/amr', 'audio/amr-nb'],
  ['audio/vnd.dolby.dd-raw', 'audio/ac3'],
  ['video/x-flv', 'video/flv'],
];

const USUAL_NAMES = new Map(NAMES.flatMap(([usual, ...others]) => others.map((other) => [other, usual] as const)));

/**
 * Normalizes a media type (RFC 9110, section 8.3.1) to the form that is signed, stored and searched: type, parameter
 * names and charset in lower case, one space after each semicolon, quotes where a value needs them, no empty parameter.
 * `Video/WebM;codecs=vp8,opus` becomes `video/webm; codecs="vp8,opus"`: to a browser, a comma outside quotes starts
 * another type, and the last one counts (Fetch standard, "extract a MIME type"). A parameter that is malformed,
 * repeated, or not allowed in a header is dropped (WHATWG MIME Sniffing standard, section 4.4), and so is one that
 * would make the type longer than 128 characters: mail programs add `name="Report (2); final.pdf"`, and that should not
 * fail an upload.
 * @returns null for an invalid type, one of more than 128 characters without parameters, or more than 1,024 with them.
 */
export function toMediaType(text: string): string | null {
  if (text.length > MAX_TEXT_LENGTH || CONTROL_CHARACTER.test(text)) return null;
  const [beginning = ''] = text.split(';', 1);
  const type = trim(beginning);
  if (!ESSENCE.test(type) || type.length > MAX_MEDIA_TYPE_LENGTH) return null;
  let result = type.toLowerCase();
  if (beginning === text) return result;
  const names = new Set<string>();
  for (const [, name = '', quoted, plain = ''] of text.slice(beginning.length).matchAll(PARAMETERS)) {
    // SigV4 folds white space in headers.
    const value = trim((quoted ?? plain).replace(/[\t ]+/g, ' '));
    const key = name.toLowerCase();
    if (value === '' || !TOKEN.test(name) || !VALUE.test(value) || names.has(key)) continue;
    const letters = key === 'charset' ? value.toLowerCase() : value;
    const longer = `${result}; ${key}=${TOKEN.test(letters) ? letters : `"${letters}"`}`;
    if (longer.length > MAX_MEDIA_TYPE_LENGTH) continue;
    names.add(key);
    result = longer;
  }
  return result;
}

/** A media type from a query, where an unescaped `+` has become a space: a type has no space before its parameters. */
export function restorePlus(text: string): string {
  const [type = '', ...rest] = text.split(';');
  return [trim(type).replaceAll(' ', '+'), ...rest].join(';');
}

/** The media type without its parameters, in lower case. */
export function essence(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** The usual name of a type, without parameters. */
export function usualName(contentType: string): string {
  const type = essence(contentType);
  return USUAL_NAMES.get(type) ?? type;
}

/** Whether a type, under any of its names, matches a pattern: a type, `image/*`, or all. */
export function matchesType(pattern: string, contentType: string): boolean {
  if (pattern === '*/*') return true;
  if (!pattern.endsWith('/*')) return usualName(pattern) === usualName(contentType);
  const kind = pattern.slice(0, -1);
  return essence(contentType).startsWith(kind) || usualName(contentType).startsWith(kind);
}

function trim(text: string): string {
  return text.replace(/^[\t ]+|[\t ]+$/g, '');
}

/** The type of the object itself: the bytes that a client encrypted are of no type that anybody should open. */
export function storedTypeOf(file: { contentType: string; encryption?: string | null | undefined }): string {
  return (file.encryption ?? null) === null ? file.contentType : 'application/octet-stream';
}
