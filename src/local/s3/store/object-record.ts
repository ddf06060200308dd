import type { ChecksumAlgorithm } from '../checksums/running-checksum.ts';
import type { KeyCheck } from '../encryption/key-of-request.ts';

/**
 * Base64, as in `x-amz-checksum-…`; for a composite one, of the parts' checksums, a hyphen and the number of parts
 * follow.
 */
export type Checksum = { algorithm: ChecksumAlgorithm; value: string };

export type Tag = { key: string; value: string };

/** A file of bytes that never changes. `salt`: it is encrypted with a key made of the customer's and this (base64). */
export type DataFile = { name: string; sizeBytes: number; salt?: string };

/** The version id of an object that was stored while its bucket kept no versions. */
export const NULL_VERSION = 'null';

/** Everything about an object, or one version of it, except its bytes. */
export type ObjectRecord = {
  key: string;
  sizeBytes: number;
  /** With its quotes. */
  etag: string;
  /** ISO 8601. */
  lastModified: string;
  /** What GET and HEAD return as it was sent, metadata included; values are latin1 text of the bytes. */
  headers: [string, string][];
  checksum: Checksum | null;
  tags: Tag[];
  /** The bytes are those of all files in this order: one file, or one a part. */
  files: DataFile[];
  /** What recognizes the key that it is encrypted with (SSE-C). */
  customerKey?: KeyCheck;
  /** The multipart upload that this object was completed from. */
  uploadId: string | null;
  versionId: string;
  /** Greater than that of every earlier version of the key; 0 if the bucket kept no versions. */
  sequence: number;
};

/** The newest version of a deleted key. */
export type DeleteMarker = Pick<ObjectRecord, 'key' | 'lastModified' | 'versionId' | 'sequence'> & {
  isDeleteMarker: true;
};

export type Version = ObjectRecord | DeleteMarker;

/** A record that has no version yet. */
export type NewRecord = Omit<ObjectRecord, 'versionId' | 'sequence'>;

export function isDeleteMarker(version: Version): version is DeleteMarker {
  return 'isDeleteMarker' in version;
}

/** Reads what this module wrote: records are published whole, so their shape is not checked again. */
export function parseRecord(text: string): ObjectRecord {
  // Records of earlier builds have no version.
  return { versionId: NULL_VERSION, sequence: 0, ...JSON.parse(text) };
}

/** `parseRecord` for a version that may be a delete marker. */
export function parseVersion(text: string): Version {
  return parseRecord(text);
}
