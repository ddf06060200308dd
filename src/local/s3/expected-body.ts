import { CHECKSUM_SIZES_BYTES, type ChecksumAlgorithm } from './checksums/running-checksum.ts';
import type { S3Call } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';
import type { Checksum } from './store/object-record.ts';

/** What the headers say about the body; all of it is verified. */
export type ExpectedBody = {
  /** Null if unknown, as for the file in a form. */
  sizeBytes: number | null;
  sha256Hex: string | null;
  md5Base64: string | null;
  checksum: Checksum | null;
  /** A checksum that follows the bytes; `value` is set when the body has ended. */
  trailing: { algorithm: ChecksumAlgorithm; value: string | null } | null;
};

const CHECKSUM_ALGORITHMS = Object.keys(CHECKSUM_SIZES_BYTES) as ChecksumAlgorithm[];

/** The request headers about the body that this module reads. */
export const BODY_HEADERS: readonly string[] = [
  'x-amz-sdk-checksum-algorithm',
  ...CHECKSUM_ALGORITHMS.map((algorithm) => `x-amz-checksum-${algorithm}`),
];

/** For a body about which the headers say nothing. */
export const ANY_BODY: ExpectedBody = {
  sizeBytes: null,
  sha256Hex: null,
  md5Base64: null,
  checksum: null,
  trailing: null,
};

/**
 * Reads what the headers say about the body: the S3 reference, "PutObject", and the user guide, "Checking object
 * integrity". Throws MissingContentLength, InvalidDigest, InvalidRequest for a malformed checksum or several, and
 * NotImplemented for the `aws-chunked` encoding, which only bytes to store may have.
 */
export function readExpectedBody({ request, payload }: S3Call): ExpectedBody & { sizeBytes: number } {
  const { headers } = request;
  if (payload.kind === 'chunked') throw new S3Error('NotImplemented', undefined, { Header: 'x-amz-content-sha256' });
  const contentLength = headers.get('content-length');
  if (contentLength === undefined && headers.has('transfer-encoding')) throw new S3Error('MissingContentLength');
  const checksum = readChecksum(request);
  requireAnnouncedAlgorithm(request, checksum?.algorithm ?? null);
  return {
    sizeBytes: Number(contentLength ?? 0),
    sha256Hex: payload.kind === 'hashed' ? payload.sha256Hex : null,
    md5Base64: readMd5(request),
    checksum,
    trailing: null,
  };
}

/** The `Content-MD5` header; null if missing. Throws InvalidDigest. */
export function readMd5({ headers }: S3Request): string | null {
  const md5Base64 = headers.get('content-md5') ?? null;
  if (md5Base64 !== null && !isBase64Of(md5Base64, 16)) throw new S3Error('InvalidDigest');
  return md5Base64;
}

/** The `x-amz-checksum-…` header; null if missing. Throws InvalidRequest for several or a malformed one. */
export function readChecksum(request: S3Request): Checksum | null {
  const [checksum, ...others] = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
    const value = request.headers.get(`x-amz-checksum-${algorithm}`);
    return value === undefined ? [] : [{ algorithm, value }];
  });
  if (others.length > 0) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  if (checksum !== undefined) requireChecksumValue(checksum, 'header');
  return checksum ?? null;
}

/** Throws InvalidRequest unless the value is base64 of the algorithm's length. */
export function requireChecksumValue({ algorithm, value }: Checksum, where: 'header' | 'trailing header'): void {
  if (isBase64Of(value, CHECKSUM_SIZES_BYTES[algorithm])) return;
  throw new S3Error('InvalidRequest', `Value for x-amz-checksum-${algorithm} ${where} is invalid.`);
}

/** Throws InvalidRequest if `x-amz-sdk-checksum-algorithm` names a checksum that is not sent. */
export function requireAnnouncedAlgorithm({ headers }: S3Request, sent: ChecksumAlgorithm | null): void {
  const announced = headers.get('x-amz-sdk-checksum-algorithm');
  if (announced === undefined) return;
  if (sent === null) {
    throw new S3Error(
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers ' +
        'were found.',
    );
  }
  if (announced.toLowerCase() === sent) return;
  throw new S3Error('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
}

/** The algorithm in the name of a header or trailing header; null for any other name. */
export function algorithmOf(headerName: string): ChecksumAlgorithm | null {
  return CHECKSUM_ALGORITHMS.find((algorithm) => headerName === `x-amz-checksum-${algorithm}`) ?? null;
}

function isBase64Of(text: string, sizeBytes: number): boolean {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === sizeBytes && bytes.toString('base64') === text;
}
