import { createHash } from 'node:crypto';
import { startChecksum } from './checksums/running-checksum.ts';
import { type ExpectedBody, readExpectedBody, requireChecksumValue } from './expected-body.ts';
import type { S3Call } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { Checksum } from './store/object-record.ts';

/** The maximum size of a body that an operation reads whole or ignores. */
const MAX_SMALL_BODY_BYTES = 64 * 1024;

/** A verified body: its MD5 in hex, and the checksum that was sent with it. */
type ReceivedBody = { md5Hex: string; checksum: Checksum | null };

/**
 * Passes the body to `write` chunk by chunk and compares it with what was expected once it has ended. Throws
 * IncompleteBody, XAmzContentSHA256Mismatch, BadDigest, InvalidRequest for a malformed trailing checksum, or the
 * connection's own error when the client is gone.
 */
export async function receiveBody(
  body: AsyncIterable<Buffer> | Iterable<Buffer>,
  expected: ExpectedBody,
  write: (chunk: Buffer) => Promise<void>,
): Promise<ReceivedBody> {
  const md5 = createHash('md5');
  const sha256 = expected.sha256Hex === null ? null : createHash('sha256');
  const algorithm = expected.checksum?.algorithm ?? expected.trailing?.algorithm;
  const running = algorithm === undefined ? null : startChecksum(algorithm);
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (expected.sizeBytes !== null && sizeBytes > expected.sizeBytes) throw new S3Error('IncompleteBody');
    // The disk works while this thread hashes.
    const written = write(chunk);
    md5.update(chunk);
    sha256?.update(chunk);
    running?.update(chunk);
    await written;
  }
  if (expected.sizeBytes !== null && sizeBytes !== expected.sizeBytes) throw new S3Error('IncompleteBody');
  requireSha256(expected.sha256Hex, sha256?.digest('hex') ?? null);
  const md5Hex = md5.digest('hex');
  requireMd5(expected.md5Base64, Buffer.from(md5Hex, 'hex').toString('base64'));
  const checksum = sentChecksum(expected);
  if (checksum !== null && running?.digest().toString('base64') !== checksum.value) {
    throw wrongChecksum(checksum, sizeBytes);
  }
  return { md5Hex, checksum };
}

/**
 * A body of at most `maxBytes`, by default 64 KiB, whole and verified. Operations without a body read it too, so that a
 * signed hash is never ignored. Throws MaxMessageLengthExceeded.
 */
export async function readSmallBody(
  call: S3Call,
  maxBytes: number = MAX_SMALL_BODY_BYTES,
  expected: ExpectedBody & { sizeBytes: number } = readExpectedBody(call),
): Promise<Buffer> {
  if (expected.sizeBytes > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
  const chunks: Buffer[] = [];
  await receiveBody(call.request.body, expected, async (chunk) => void chunks.push(chunk));
  return Buffer.concat(chunks);
}

function requireSha256(expected: string | null, computed: string | null): void {
  if (computed === expected) return;
  throw new S3Error('XAmzContentSHA256Mismatch', undefined, {
    ClientComputedContentSHA256: expected ?? '',
    S3ComputedContentSHA256: computed ?? '',
  });
}

function requireMd5(expected: string | null, computed: string): void {
  if (expected === null || expected === computed) return;
  throw new S3Error('BadDigest', undefined, { ExpectedDigest: expected, CalculatedDigest: computed });
}

function wrongChecksum({ algorithm, value }: Checksum, sizeBytes: number): S3Error {
  const reason = `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`;
  const isOfEmptyBody = sizeBytes > 0 && startChecksum(algorithm).digest().toString('base64') === value;
  const hint =
    "It is an empty body's, which SDKs presign by default: set requestChecksumCalculation to 'WHEN_REQUIRED'.";
  return new S3Error('BadDigest', isOfEmptyBody ? `${reason} ${hint}` : reason);
}

function sentChecksum({ checksum, trailing }: ExpectedBody): Checksum | null {
  if (trailing === null) return checksum;
  const sent = { algorithm: trailing.algorithm, value: trailing.value ?? '' };
  requireChecksumValue(sent, 'trailing header');
  return sent;
}
