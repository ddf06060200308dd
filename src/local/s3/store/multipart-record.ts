import type { ChecksumAlgorithm } from '../checksums/running-checksum.ts';
import type { KeyCheck } from '../encryption/key-of-request.ts';
import type { Checksum, DataFile, Tag } from './object-record.ts';

/** How the object's checksum is combined from those of its parts. */
export type MultipartChecksum = { algorithm: ChecksumAlgorithm; type: 'COMPOSITE' | 'FULL_OBJECT' };

/** A multipart upload that is neither completed nor aborted. */
export type MultipartUpload = {
  uploadId: string;
  key: string;
  /** ISO 8601. */
  initiatedAt: string;
  /** What the object will return, as in its record. */
  headers: [string, string][];
  tags: Tag[];
  checksum: MultipartChecksum | null;
  /** What recognizes the key that every part must bring (SSE-C). */
  customerKey?: KeyCheck;
};

export type Part = {
  partNumber: number;
  sizeBytes: number;
  /** With its quotes: the MD5 of the bytes. */
  etag: string;
  /** ISO 8601. */
  lastModified: string;
  checksum: Checksum | null;
  file: DataFile;
};

/** Reads what this module wrote. */
export function parseUpload(text: string): MultipartUpload {
  return JSON.parse(text);
}

/** Reads what this module wrote. */
export function parsePart(text: string): Part {
  return JSON.parse(text);
}
