/** How the page shows each kind of file. */
type FileKind = 'image' | 'video' | 'audio' | 'pdf' | 'text' | 'archive' | 'other';

const KINDS: readonly [RegExp, FileKind][] = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'audio'],
  [/^application\/pdf$/, 'pdf'],
  [/^(text\/|application\/((x-)?(json|ndjson|javascript|sh|yaml|toml|sql)|xml)$|.*\+(json|xml|yaml)$)/, 'text'],
  [/^application\/(zip|gzip|x-(tar|7z-compressed|bzip2|xz|rar-compressed)|vnd\.rar)$/, 'archive'],
];

/** Browsers have no type for many text files. */
const TEXT_NAME =
  /\.(ya?ml|toml|ini|conf|cfg|env|log|md|csv|tsv|json|jsonl|ndjson|sql|sh|py|rb|go|rs|ts|tsx|jsx|diff)$/i;

/** The kind of a media type, ignoring parameters; of a file without one, by the end of its name. */
export function kindOf(contentType: string, fileName = ''): FileKind {
  const essence = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  const isUnknown = essence === '' || essence === 'application/octet-stream';
  if (isUnknown && TEXT_NAME.test(fileName)) return 'text';
  return KINDS.find(([pattern]) => pattern.test(essence))?.[1] ?? 'other';
}
