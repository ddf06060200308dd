import type { CallerLimits } from '../config/caller-limits.ts';
import { ENCRYPTION_PATTERN } from '../contract/fields.ts';
import { decodeText, ENCRYPTION_ENTRY, encodeText, RESERVED_METADATA_PREFIX } from '../contract/metadata-text.ts';
import type { NewFile } from '../db/create-file-queries.ts';
import type { PresignUploadInput } from './presign-upload-input.ts';

/** Columns of a file's row with the client's values, which the upload carries in its signed metadata. */
export type Remembered = Pick<NewFile, 'fileName' | 'metadata' | 'encryption'>;

/** The remembered columns of a request. */
export function toRemembered(request: Pick<PresignUploadInput, keyof Remembered>): Remembered {
  const { fileName, metadata = {}, encryption = null } = request;
  return { fileName, metadata, encryption };
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
  /** What the caller who asked for it was limited to. */
  limitedTo?: SignedLimits;
  /** The master key from which the object's own key is derived (SSE-C). Default: it has none. */
  sseKeyId?: string;
};

/** Limits of a caller that apply no matter who confirms. `maxBytes` only if the size was unknown when signed. */
export type SignedLimits = { [Name in (typeof SIGNED_LIMITS)[number]]?: CallerLimits[Name] };

/** In this order, with dots between. In base 36, so that they fit in what S3 leaves: `MAX_METADATA_BYTES`. */
const SIGNED_LIMITS = ['maxBytes', 'quotaBytes', 'quotaFiles', 'maxFiles'] as const;
const SIGNED_LIMITS_PATTERN = /^([0-9a-z]{0,11}\.){3}[0-9a-z]{0,11}$/;

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
  if (remembered.encryption !== null) metadata[ENCRYPTION_ENTRY] = remembered.encryption;
  if (upload.limitedTo !== undefined) metadata['signpost-limits'] = toText(upload.limitedTo);
  for (const [name, value] of Object.entries(remembered.metadata)) metadata[name] = encodeText(value);
  if (upload.sseKeyId !== undefined) metadata['signpost-key'] = upload.sseKeyId;
  return metadata;
}

/** The same metadata for an object that is encrypted with a key of this master key (SSE-C); null: with none. */
export function withKeyId(metadata: Readonly<Record<string, string>>, sseKeyId: string | null): Record<string, string> {
  const { 'signpost-key': _, ...rest } = metadata;
  return sseKeyId === null ? rest : { ...rest, 'signpost-key': sseKeyId };
}

/** Metadata as headers (S3 User Guide, "Working with object metadata"). */
export function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
  return headers;
}

/** Reads back what `toMetadata` wrote; null if the object was not uploaded with it. */
export function fromMetadata(stored: Readonly<Record<string, string>>): UploadMetadata | null {
  const fileName = decodeText(stored['signpost-name'] ?? '');
  const size = stored['signpost-size'] ?? '';
  const contentType = decodeText(stored['signpost-type'] ?? '');
  if (fileName === null || fileName === '' || !/^(\*|0|[1-9]\d{0,15})$/.test(size)) return null;
  if (contentType === null || contentType === '') return null;
  const limits = stored['signpost-limits'];
  if (limits !== undefined && !SIGNED_LIMITS_PATTERN.test(limits)) return null;
  const encryption = stored[ENCRYPTION_ENTRY] ?? null;
  if (encryption !== null && !ENCRYPTION_PATTERN.test(encryption)) return null;
  const sseKeyId = stored['signpost-key'];
  const own = Object.entries(stored).filter(([name]) => !name.startsWith(RESERVED_METADATA_PREFIX));
  const metadata: [string, string][] = [];
  for (const [name, value] of own) {
    const text = decodeText(value);
    if (text === null) return null;
    metadata.push([name, text]);
  }
  return {
    remembered: { fileName, metadata: Object.fromEntries(metadata), encryption },
    sizeBytes: size === UNKNOWN_SIZE ? null : Number(size),
    contentType,
    checksumSha256: stored['signpost-sha256'] ?? null,
    isRepeatable: stored['signpost-repeatable'] !== undefined,
    ...(limits !== undefined && { limitedTo: fromText(limits) }),
    ...(sseKeyId !== undefined && { sseKeyId }),
  };
}

function toText(limits: SignedLimits): string {
  return SIGNED_LIMITS.map((name) => limits[name]?.toString(36) ?? '').join('.');
}

function fromText(text: string): SignedLimits {
  const values = text.split('.').map((digits, index) => [SIGNED_LIMITS[index], digits] as const);
  return Object.fromEntries(
    values.filter(([, digits]) => digits !== '').map(([name, digits]) => [name, Number.parseInt(digits, 36)]),
  );
}
