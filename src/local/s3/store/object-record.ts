import type { ChecksumAlgorithm } from '../checksums/running-checksum.ts';

/**
 * Base64, as it travels in `x-amz-checksum-…`; for a composite one, of the parts' checksums, a hyphen and the number of
 * parts follow.
 */
export type Checksum = { algorithm: ChecksumAlgorithm; value: string };

export type Tag = { key: string; value: string };

/** A file of bytes that never changes. */
export type DataFile = { name: string; sizeBytes: number };

/** All there is to know of an object but its bytes. */
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
  /** The multipart upload that this object was completed from. */
  uploadId: string | null;
};

/** Reads what this module wrote: records are published whole, so their shape is not checked again. */
export function parseRecord(text: string): ObjectRecord {
  return JSON.parse(text);
}
