import { decodeText, encodeText, RESERVED_METADATA_PREFIX } from '../contract/metadata-text.ts';
import type { NewFile } from '../db/create-file-queries.ts';
import type { PresignUploadInput } from './presign-upload-input.ts';

/** Columns of a file's row with the client's values, which the upload carries in its signed metadata. */
export type Remembered = Pick<NewFile, 'fileName' | 'metadata'>;

/** The remembered columns of a request. */
export function toRemembered({ fileName, metadata }: Pick<PresignUploadInput, keyof Remembered>): Remembered {
  return { fileName, metadata: metadata ?? {} };
}

/**
 * The metadata that is signed into an upload, so that confirming needs only the bucket: the client's pairs, and the
 * signed constraints under reserved names.
 */
export type UploadMetadata = {
  remembered: Remembered;
  /** null: unknown when signed; then only the limits apply. */
  sizeBytes: number | null;
  /** `ANY_TYPE` if unknown when signed. */
  contentType: string;
  /** Base64 of 32 bytes; null if the client gave none. */
  checksumSha256: string | null;
  /** The client can repeat the upload with other bytes, so the verified object must be copied. */
  isRepeatable: boolean;
};

/** A placeholder for every type within the limits. No real type contains `*`. */
export const ANY_TYPE = '*/*';
const UNKNOWN_SIZE = '*';

/** The metadata of an upload's object, by names without their `x-amz-meta-`. */
export function toMetadata({ remembered, ...upload }: UploadMetadata): Record<string, string> {
  const metadata: Record<string, string> = {
    'signpost-name': encodeText(remembered.fileName),
    'signpost-size': String(upload.sizeBytes ?? UNKNOWN_SIZE),
    'signpost-type': encodeText(upload.contentType),
  };
  if (upload.isRepeatable) metadata['signpost-repeatable'] = 'true';
  if (upload.checksumSha256 !== null) metadata['signpost-sha256'] = upload.checksumSha256;
  for (const [name, value] of Object.entries(remembered.metadata)) metadata[name] = encodeText(value);
  return metadata;
}

/** Metadata as headers (S3 User Guide, "Working with object metadata"). */
export function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]));
}

/** Reads back what `toMetadata` wrote; null if the object was not uploaded with it. */
export function fromMetadata(stored: Readonly<Record<string, string>>): UploadMetadata | null {
  const fileName = decodeText(stored['signpost-name'] ?? '');
  const size = stored['signpost-size'] ?? '';
  const contentType = decodeText(stored['signpost-type'] ?? '');
  if (fileName === null || fileName === '' || !/^(\*|0|[1-9]\d{0,15})$/.test(size)) return null;
  if (contentType === null || contentType === '') return null;
  const own = Object.entries(stored).filter(([name]) => !name.startsWith(RESERVED_METADATA_PREFIX));
  const metadata: [string, string][] = [];
  for (const [name, value] of own) {
    const text = decodeText(value);
    if (text === null) return null;
    metadata.push([name, text]);
  }
  return {
    remembered: { fileName, metadata: Object.fromEntries(metadata) },
    sizeBytes: size === UNKNOWN_SIZE ? null : Number(size),
    contentType,
    checksumSha256: stored['signpost-sha256'] ?? null,
    isRepeatable: stored['signpost-repeatable'] !== undefined,
  };
}
