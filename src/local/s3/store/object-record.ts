import type { ChecksumAlgorithm } from '../checksums/running-checksum.ts';

/** Base64, as it travels in `x-amz-checksum-…`. */
export type Checksum = { algorithm: ChecksumAlgorithm; value: string };

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
  /** The name of the data file. */
  data: string;
};

/** Reads what this module wrote: records are published whole, so their shape is not checked again. */
export function parseRecord(text: string): ObjectRecord {
  return JSON.parse(text);
}
