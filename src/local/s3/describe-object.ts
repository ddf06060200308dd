import { type ByteRange, readByteRange } from './byte-range.ts';
import { checksumHeaders } from './checksums/checksum-headers.ts';
import { type CustomerKey, keyHeaders, readCustomerKey, requireKey } from './encryption/key-of-request.ts';
import { CONTENT_HEADERS } from './object-headers.ts';
import { readPartNumber } from './part-number.ts';
import { isNotModified } from './preconditions.ts';
import { S3Error } from './s3-error.ts';
import { queryValue, type S3Request } from './s3-request.ts';
import type { ObjectRecord } from './store/object-record.ts';

/** The answer to a GET or HEAD, without the bytes. `range` is null for 304. */
type ObjectDescription = {
  status: number;
  headers: [string, string][];
  range: ByteRange | null;
  /** The object's own key, if it has one. */
  key: CustomerKey | null;
};

/**
 * Applies the conditions, the range and the `response-*` overrides of a GET or HEAD to an object. Throws what
 * `readCustomerKey` and `requireKey` throw, PreconditionFailed, InvalidRange, and InvalidArgument for an override that
 * cannot be a header.
 */
export function describeObject(request: S3Request, record: ObjectRecord): ObjectDescription {
  const key = readCustomerKey(request.headers);
  requireKey(record, key);
  const { sizeBytes, etag } = record;
  const lastModified = new Date(record.lastModified).toUTCString();
  const validators: [string, string][] = [
    ['etag', etag],
    ['last-modified', lastModified],
  ];
  if (isNotModified(request.headers, record)) return { status: 304, headers: validators, range: null, key };

  const headers = new Map([['accept-ranges', 'bytes'], ...validators, ...record.headers, ...keyHeaders(key)]);
  if (record.tags.length > 0) headers.set('x-amz-tagging-count', String(record.tags.length));
  // `response-content-type` and the like: the S3 reference, "GetObject".
  for (const name of CONTENT_HEADERS) {
    const value = request.query.find(([parameter]) => parameter === `response-${name}`)?.[1];
    if (value !== undefined) headers.set(name, requireHeaderValue(name, value));
  }
  const part = choosePart(request, record);
  if (part?.count !== undefined) headers.set('x-amz-mp-parts-count', String(part.count));
  const ifRange = request.headers.get('if-range');
  const wantsRange = ifRange === undefined || ifRange === etag || ifRange === lastModified;
  const range = part?.range ?? (wantsRange ? readByteRange(request.headers.get('range'), sizeBytes) : null);
  // An empty object has no range to report.
  if (range !== null && sizeBytes > 0) {
    headers.set('content-length', String(range.end - range.start + 1));
    headers.set('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
    return { status: 206, headers: [...headers], range, key };
  }
  headers.set('content-length', String(sizeBytes));
  // The checksum covers the whole object, so an answer with a range omits it.
  if (request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') {
    for (const [name, value] of checksumHeaders(record.checksum)) headers.set(name, value);
  }
  return { status: 200, headers: [...headers], range: { start: 0, end: sizeBytes - 1 }, key };
}

/**
 * The range of the part `partNumber` and the number of parts; null without this parameter. An object uploaded in one
 * piece counts as part 1. Throws InvalidPartNumber, and InvalidRequest if there is also a `Range`.
 */
function choosePart(
  request: S3Request,
  { files, sizeBytes, uploadId }: ObjectRecord,
): { range: ByteRange; count: number | undefined } | null {
  if (queryValue(request, 'partNumber') === undefined) return null;
  const number = readPartNumber(request);
  if (request.headers.has('range')) {
    throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  }
  const sizes = uploadId === null ? [sizeBytes] : files.map((file) => file.sizeBytes);
  const size = sizes[number - 1];
  if (size === undefined) throw new S3Error('InvalidPartNumber', undefined, { ActualPartCount: String(sizes.length) });
  const start = sizes.slice(0, number - 1).reduce((sum, before) => sum + before, 0);
  return { range: { start, end: start + size - 1 }, count: uploadId === null ? undefined : sizes.length };
}

function requireHeaderValue(name: string, value: string): string {
  if (/^[\t\x20-\x7e\xa0-\xff]*$/.test(value)) return value;
  throw new S3Error('InvalidArgument', 'Header value cannot be represented using ISO-8859-1.', {
    ArgumentName: `response-${name}`,
    ArgumentValue: value,
  });
}
