import type { EncryptedObject } from './encryption.ts';

/**
 * An object as the bucket describes it. `etag` with its quotes; `checksumSha256` in base64, for a multipart upload the
 * composite `<base64>-<parts>`, null if the store keeps none.
 */
export type StoredObject = {
  key: string;
  sizeBytes: number;
  contentType: string;
  contentEncoding: string | null;
  etag: string;
  versionId: string | null;
  checksumSha256: string | null;
  metadata: Readonly<Record<string, string>>;
  /** `AES256`, `aws:kms` or another; null if the store does not say how it encrypts the object. */
  sse: string | null;
  /** The master key from which its own key is derived (SSE-C); null if it has none. */
  sseKeyId: string | null;
};

/** An object as HEAD describes it. `lastModified`: as the bucket writes it, in seconds; empty if it does not. */
export type FoundObject = StoredObject & { lastModified: string };

/** Identifies one version of an object. */
export type ObjectVersion = Pick<StoredObject, 'key' | 'etag' | 'versionId'>;

/** The query and the header that limit a request to this version, so that no later one under the same key is meant. */
export function onlyThisVersion({ etag, versionId }: ObjectVersion): {
  query: Record<string, string>;
  headers: Record<string, string>;
} {
  return versionId === null ? { query: {}, headers: { 'if-match': etag } } : { query: { versionId }, headers: {} };
}

const METADATA = 'x-amz-meta-';

/**
 * The object that an answer's headers describe (S3 API Reference, HeadObject). null if the ETag or the length, which a
 * bucket always sends, is missing.
 */
export function toStoredObject(
  { key, sseKeyId }: EncryptedObject,
  headers: Readonly<Record<string, string>>,
): FoundObject | null {
  const { etag, 'content-length': length } = headers;
  if (etag === undefined || length === undefined) return null;
  return {
    key,
    etag,
    sseKeyId,
    sizeBytes: Number(length),
    contentType: headers['content-type'] ?? '',
    contentEncoding: headers['content-encoding'] ?? null,
    versionId: toVersionId(headers['x-amz-version-id']),
    checksumSha256: headers['x-amz-checksum-sha256'] ?? null,
    metadata: metadataOf(headers),
    sse: headers['x-amz-server-side-encryption'] ?? null,
    lastModified: headers['last-modified'] ?? '',
  };
}

/** Of a version as the bucket names it: null if it has no versions, or had none when the object was stored. */
export function toVersionId(name: string | undefined): string | null {
  return name === undefined || name === 'null' ? null : name;
}

/** The object's own metadata, names in lower case. */
export function metadataOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const name in headers) {
    if (name.startsWith(METADATA)) metadata[name.slice(METADATA.length)] = headers[name] ?? '';
  }
  return metadata;
}
