/** How the page shows each kind of file. */
type FileKind = 'image' | 'video' | 'audio' | 'pdf' | 'text' | 'archive' | 'other';

const KINDS: readonly [RegExp, FileKind][] = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'audio'],
  [/^application\/pdf$/, 'pdf'],
  [/^(text\/|application\/(json|xml|javascript|x-sh|yaml|toml|sql)$|.*\+(json|xml)$)/, 'text'],
  [/^application\/(zip|gzip|x-(tar|7z-compressed|bzip2|xz|rar-compressed)|vnd\.rar)$/, 'archive'],
];

/** The kind of a media type, ignoring parameters. */
export function kindOf(contentType: string): FileKind {
  const essence = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  return KINDS.find(([pattern]) => pattern.test(essence))?.[1] ?? 'other';
}
