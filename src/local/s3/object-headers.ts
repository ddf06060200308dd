import { ACL_HEADERS, requirePrivateAcl } from './access-control.ts';
import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';

const MAX_METADATA_BYTES = 2048;
const METADATA_PREFIX = 'x-amz-meta-';

/** Stored with an object and returned as they were sent. */
const KEPT_HEADERS = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires'];

/** Headers that describe an object's content and that clients set (S3 User Guide, "System-defined object metadata"). */
export const CONTENT_HEADERS: readonly string[] = [...KEPT_HEADERS, 'content-type'];

/** Headers of the signature, allowed on any request. */
const SIGNATURE_HEADERS = ['x-amz-date', 'x-amz-content-sha256', 'x-amz-user-agent'];

/** The `x-amz-*` headers that `readObjectHeaders` and `readTagHeader` read. */
export const OBJECT_HEADERS: readonly string[] = [
  ...ACL_HEADERS,
  'x-amz-server-side-encryption',
  'x-amz-storage-class',
  'x-amz-tagging',
];

/**
 * Throws NotImplemented for an `x-amz-*` header that belongs neither to the signature, nor to the metadata, nor to
 * `known`: S3 would act on it, so it must not be ignored.
 */
export function refuseUnknownHeaders(request: S3Request, known: readonly string[] = []): void {
  const unknown = [...request.headers.keys()].find(
    (name) =>
      name.startsWith('x-amz-') &&
      !name.startsWith(METADATA_PREFIX) &&
      !SIGNATURE_HEADERS.includes(name) &&
      !known.includes(name),
  );
  if (unknown !== undefined) throw new S3Error('NotImplemented', undefined, { Header: unknown });
}

/**
 * The headers that a PutObject asks to keep, as GET returns them: content type (default `binary/octet-stream`), user
 * metadata (2,048 bytes of names and values in all) and server-side encryption with AES256, which is echoed. Throws
 * MetadataTooLarge, NotImplemented for another encryption or storage class, and what `requirePrivateAcl` throws.
 */
export function readObjectHeaders(request: S3Request): [string, string][] {
  const metadata = [...request.headers].filter(([name]) => name.startsWith(METADATA_PREFIX));
  const metadataBytes = metadata.reduce(
    (sum, [name, value]) => sum + name.length - METADATA_PREFIX.length + value.length,
    0,
  );
  if (metadataBytes > MAX_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', undefined, {
      Size: String(metadataBytes),
      MaxSizeAllowed: String(MAX_METADATA_BYTES),
    });
  }
  requirePrivateAcl(request.headers);
  requireValue(request, 'x-amz-storage-class', 'STANDARD');
  requireValue(request, 'x-amz-server-side-encryption', 'AES256');
  const kept = [...KEPT_HEADERS, 'x-amz-server-side-encryption'].flatMap((name): [string, string][] => {
    const value = name === 'content-encoding' ? readEncoding(request) : request.headers.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return [['content-type', request.headers.get('content-type') || 'binary/octet-stream'], ...kept, ...metadata];
}

/** The object's encoding, without `aws-chunked`, which applies only to the transfer. */
function readEncoding({ headers }: S3Request): string | undefined {
  const text = headers.get('content-encoding');
  if (text === undefined || !/aws-chunked/i.test(text)) return text;
  const kept = text.split(',').filter((encoding) => encoding.trim().toLowerCase() !== 'aws-chunked');
  return kept.length === 0 ? undefined : kept.join(',').trim();
}

/** The encryption header, which the answer to an upload repeats. */
export function encryptionHeaders(headers: readonly [string, string][]): [string, string][] {
  return headers.filter(([name]) => name === 'x-amz-server-side-encryption');
}

function requireValue(request: S3Request, name: string, supported: string): void {
  const value = request.headers.get(name);
  if (value !== undefined && value !== supported) throw new S3Error('NotImplemented', undefined, { Header: name });
}
