import { S3Error } from './s3-error.ts';

/** In bytes, both ends included. */
export type ByteRange = { start: number; end: number };

/**
 * The range of a `Range` header (RFC 9110, section 14.1.2), or null if S3 answers with the whole object: no range, a
 * malformed one, or several. Throws InvalidRange if it starts after the last byte.
 */
export function readByteRange(header: string | undefined, sizeBytes: number): ByteRange | null {
  const [, first, last] = /^bytes=([0-9]*)-([0-9]*)$/i.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return null;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (start >= sizeBytes) {
    throw new S3Error(
      'InvalidRange',
      undefined,
      { RangeRequested: header ?? '', ActualObjectSize: String(sizeBytes) },
      [['content-range', `bytes */${sizeBytes}`]],
    );
  }
  return { start, end };
}
