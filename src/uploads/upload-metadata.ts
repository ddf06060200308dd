import { isCleanText } from '../object-key.ts';

/**
 * What an upload signs into its object's metadata, so that confirming needs nothing but the bucket: the client's own
 * pairs, and beside them what was signed for, under names the client may not use.
 */
export type UploadMetadata = {
  fileName: string;
  sizeBytes: number;
  contentType: string;
  /** Base64 of 32 bytes; null when the client gave none. */
  checksumSha256: string | null;
  /** The upload may be repeated with other bytes, so what is verified has to be copied away. */
  isRepeatable: boolean;
  metadata: Readonly<Record<string, string>>;
};

/** Names under which the service's own entries travel; the client's may not begin so. */
export const RESERVED_METADATA_PREFIX = 'signpost-';

/** The metadata of an upload's object, by names without their `x-amz-meta-`. */
export function toMetadata(upload: UploadMetadata): Record<string, string> {
  const metadata: Record<string, string> = {
    'signpost-name': encodeText(upload.fileName),
    'signpost-size': String(upload.sizeBytes),
    'signpost-type': upload.contentType,
  };
  if (upload.isRepeatable) metadata['signpost-repeatable'] = 'true';
  if (upload.checksumSha256 !== null) metadata['signpost-sha256'] = upload.checksumSha256;
  for (const [name, value] of Object.entries(upload.metadata)) metadata[name] = encodeText(value);
  return metadata;
}

/** Metadata as headers (S3 User Guide, "Working with object metadata"). */
export function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]));
}

/** Reads back what `toMetadata` wrote, from HEAD's metadata; null when it is not such an upload's. */
export function fromMetadata(stored: Readonly<Record<string, string>>): UploadMetadata | null {
  const fileName = decodeText(stored['signpost-name'] ?? '');
  const size = stored['signpost-size'] ?? '';
  const contentType = stored['signpost-type'] ?? '';
  if (fileName === null || fileName === '' || !/^(0|[1-9]\d{0,15})$/.test(size) || contentType === '') return null;
  const own = Object.entries(stored).filter(([name]) => !name.startsWith(RESERVED_METADATA_PREFIX));
  const metadata: [string, string][] = [];
  for (const [name, value] of own) {
    const text = decodeText(value);
    if (text === null) return null;
    metadata.push([name, text]);
  }
  return {
    fileName,
    sizeBytes: Number(size),
    contentType,
    checksumSha256: stored['signpost-sha256'] ?? null,
    isRepeatable: stored['signpost-repeatable'] !== undefined,
    metadata: Object.fromEntries(metadata),
  };
}

/**
 * Any text as a header value that every store keeps byte for byte: as it is where it is printable ASCII with single
 * inner spaces (SigV4 folds the others), else `~` and the base64url of its UTF-8 bytes, as user ids in keys.
 */
export function encodeText(text: string): string {
  return /^(?!~)[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text) ? text : `~${Buffer.from(text).toString('base64url')}`;
}

function decodeText(value: string): string | null {
  if (!value.startsWith('~')) return value;
  const text = Buffer.from(value.slice(1), 'base64url').toString();
  // Somebody else's metadata may hold anything; only what encodeText would have written is ours.
  return encodeText(text) === value && isCleanText(text) ? text : null;
}
