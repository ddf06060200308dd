import { createHash } from 'node:crypto';
import { CHECKSUM_SIZES_BYTES, type ChecksumAlgorithm, startChecksum } from './checksums/running-checksum.ts';
import type { S3Call } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';
import type { Checksum } from './store/object-record.ts';

/** What the headers say about the body, all of it to be held against the bytes. */
export type ExpectedBody = {
  sizeBytes: number;
  sha256Hex: string | null;
  md5Base64: string | null;
  checksum: Checksum | null;
};

const CHECKSUM_ALGORITHMS = Object.keys(CHECKSUM_SIZES_BYTES) as ChecksumAlgorithm[];

/** What a body that an operation reads whole, or ignores, may have. */
const MAX_SMALL_BODY_BYTES = 64 * 1024;

/** What one request may upload. */
const MAX_UPLOAD_BYTES = 5 * 1024 ** 3;

/** Request headers that say something about the body and are read here. */
export const BODY_HEADERS: readonly string[] = [
  'x-amz-sdk-checksum-algorithm',
  ...CHECKSUM_ALGORITHMS.map((algorithm) => `x-amz-checksum-${algorithm}`),
];

/**
 * Reads what the headers say about the body: the S3 reference, "PutObject", and the user guide, "Checking object
 * integrity". Throws MissingContentLength, InvalidDigest, and InvalidRequest for a malformed checksum or several.
 */
export function readExpectedBody(call: S3Call): ExpectedBody {
  const { headers } = call.request;
  const contentLength = headers.get('content-length');
  if (contentLength === undefined && headers.has('transfer-encoding')) throw new S3Error('MissingContentLength');
  const md5Base64 = headers.get('content-md5') ?? null;
  if (md5Base64 !== null && !isBase64Of(md5Base64, 16)) throw new S3Error('InvalidDigest');
  return {
    sizeBytes: Number(contentLength ?? 0),
    sha256Hex: call.payloadSha256,
    md5Base64,
    checksum: readChecksum(call.request),
  };
}

/** `readExpectedBody` for bytes to store: throws MissingContentLength, and EntityTooLarge above 5 GiB. */
export function readExpectedUpload(call: S3Call): ExpectedBody {
  if (!call.request.headers.has('content-length')) throw new S3Error('MissingContentLength');
  const expected = readExpectedBody(call);
  if (expected.sizeBytes > MAX_UPLOAD_BYTES) {
    throw new S3Error('EntityTooLarge', undefined, {
      ProposedSize: String(expected.sizeBytes),
      MaxSizeAllowed: String(MAX_UPLOAD_BYTES),
    });
  }
  return expected;
}

/**
 * Passes the body to `write` chunk by chunk and compares it with what was expected once it has ended; answers its MD5 in
 * hex. A size of null is not known beforehand. Throws IncompleteBody, XAmzContentSHA256Mismatch, BadDigest, or the connection's own error when the client is gone.
 */
export async function receiveBody(
  body: AsyncIterable<Buffer> | Iterable<Buffer>,
  expected: Omit<ExpectedBody, 'sizeBytes'> & { sizeBytes: number | null },
  write: (chunk: Buffer) => Promise<void>,
): Promise<string> {
  const md5 = createHash('md5');
  const sha256 = expected.sha256Hex === null ? null : createHash('sha256');
  const checksum = expected.checksum === null ? null : startChecksum(expected.checksum.algorithm);
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    // The disk works while this thread hashes.
    const written = write(chunk);
    md5.update(chunk);
    sha256?.update(chunk);
    checksum?.update(chunk);
    await written;
  }
  if (expected.sizeBytes !== null && sizeBytes !== expected.sizeBytes) throw new S3Error('IncompleteBody');
  const computedSha256 = sha256?.digest('hex') ?? null;
  if (computedSha256 !== expected.sha256Hex) {
    throw new S3Error('XAmzContentSHA256Mismatch', undefined, {
      ClientComputedContentSHA256: expected.sha256Hex ?? '',
      S3ComputedContentSHA256: computedSha256 ?? '',
    });
  }
  const md5Hex = md5.digest('hex');
  const md5Base64 = Buffer.from(md5Hex, 'hex').toString('base64');
  if (expected.md5Base64 !== null && md5Base64 !== expected.md5Base64) {
    throw new S3Error('BadDigest', undefined, { ExpectedDigest: expected.md5Base64, CalculatedDigest: md5Base64 });
  }
  if (expected.checksum !== null && checksum?.digest().toString('base64') !== expected.checksum.value) {
    const name = expected.checksum.algorithm.toUpperCase();
    throw new S3Error('BadDigest', `The ${name} you specified did not match the calculated checksum.`);
  }
  return md5Hex;
}

/**
 * A body of at most `maxBytes`, by default 64 KiB, whole and verified. Operations without a body read it too, so that a
 * signed hash is never ignored. Throws MaxMessageLengthExceeded.
 */
export async function readSmallBody(
  call: S3Call,
  maxBytes: number = MAX_SMALL_BODY_BYTES,
  expected: ExpectedBody = readExpectedBody(call),
): Promise<Buffer> {
  if (expected.sizeBytes > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
  const chunks: Buffer[] = [];
  await receiveBody(call.request.body, expected, async (chunk) => void chunks.push(chunk));
  return Buffer.concat(chunks);
}

function readChecksum(request: S3Request): Checksum | null {
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
  if (checksum !== undefined && !isBase64Of(checksum.value, CHECKSUM_SIZES_BYTES[checksum.algorithm])) {
    throw new S3Error('InvalidRequest', `Value for x-amz-checksum-${checksum.algorithm} header is invalid.`);
  }
  const announced = request.headers.get('x-amz-sdk-checksum-algorithm');
  if (announced !== undefined && checksum === undefined) {
    throw new S3Error(
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    );
  }
  if (announced !== undefined && announced.toLowerCase() !== checksum?.algorithm) {
    throw new S3Error('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
  }
  return checksum ?? null;
}

function isBase64Of(text: string, sizeBytes: number): boolean {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === sizeBytes && bytes.toString('base64') === text;
}
