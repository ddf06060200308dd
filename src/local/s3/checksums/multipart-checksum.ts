import { S3Error } from '../s3-error.ts';
import type { S3Request } from '../s3-request.ts';
import type { MultipartChecksum, Part } from '../store/multipart-record.ts';
import type { Checksum } from '../store/object-record.ts';
import type { XmlNode } from '../xml-body.ts';
import { combineCrc } from './combine-crc.ts';
import { CHECKSUM_SIZES_BYTES, type ChecksumAlgorithm, startChecksum } from './running-checksum.ts';

/** The request headers that this module reads. */
export const MULTIPART_CHECKSUM_HEADERS: readonly string[] = ['x-amz-checksum-algorithm', 'x-amz-checksum-type'];

const OTHER_ALGORITHMS = ['sha1', 'sha512', 'md5', 'xxhash64', 'xxhash3', 'xxhash128'];

/**
 * The checksum that a CreateMultipartUpload requests (S3 user guide, "Checking object integrity"). The default type is
 * COMPOSITE. CRC64NVME supports only FULL_OBJECT, SHA-256 only COMPOSITE. Throws InvalidRequest, and the errors of
 * `readAlgorithm`.
 */
export function readMultipartChecksum(request: S3Request): MultipartChecksum | null {
  const name = readAlgorithm(request);
  const type = request.headers.get('x-amz-checksum-type')?.toUpperCase();
  if (name === null && type === undefined) return null;
  if (name === null) {
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    );
  }
  const onlyType = { sha256: 'COMPOSITE', crc64nvme: 'FULL_OBJECT', crc32: undefined, crc32c: undefined }[name];
  const chosen = type ?? onlyType ?? 'COMPOSITE';
  if ((chosen !== 'COMPOSITE' && chosen !== 'FULL_OBJECT') || (onlyType ?? chosen) !== chosen) {
    throw new S3Error(
      'InvalidRequest',
      `The ${chosen} checksum type cannot be used with the ${name} checksum algorithm.`,
    );
  }
  return { algorithm: name, type: chosen };
}

/**
 * The `x-amz-checksum-algorithm` header; null if missing. Throws InvalidRequest for an unknown algorithm,
 * NotImplemented for one that only S3 supports.
 */
export function readAlgorithm(request: S3Request): ChecksumAlgorithm | null {
  const name = request.headers.get('x-amz-checksum-algorithm')?.toLowerCase();
  if (name === undefined) return null;
  if (isAlgorithm(name)) return name;
  if (OTHER_ALGORITHMS.includes(name)) {
    throw new S3Error('NotImplemented', undefined, { Header: 'x-amz-checksum-algorithm' });
  }
  throw new S3Error('InvalidRequest', 'Checksum algorithm provided is unsupported.');
}

/**
 * Throws InvalidRequest if a part's checksum has another algorithm than the upload. A part may omit its checksum only
 * with FULL_OBJECT. An upload without an algorithm accepts parts with any CRC, because SDKs send one by default: the
 * part is verified, but the object gets no checksum. S3 refused such parts until 2024; its behaviour since then is not
 * documented.
 */
export function requirePartChecksum(upload: MultipartChecksum | null, sent: ChecksumAlgorithm | null): void {
  const isOptional = sent === null && upload?.type === 'FULL_OBJECT';
  const isDefault = upload === null && sent !== null && sent !== 'sha256';
  if (sent === (upload?.algorithm ?? null) || isOptional || isDefault) return;
  const types = `expected checksum Type: ${upload?.algorithm ?? 'null'}, actual checksum Type: ${sent ?? 'null'}`;
  throw new S3Error('InvalidRequest', `Checksum Type mismatch occurred, ${types}`);
}

/** An upload's checksum algorithm and type, as elements of a listing. */
export function multipartChecksumNodes(checksum: MultipartChecksum | null): XmlNode[] {
  if (checksum === null) return [];
  return [
    ['ChecksumAlgorithm', checksum.algorithm.toUpperCase()],
    ['ChecksumType', checksum.type],
  ];
}

/** Combines the parts' checksums, all of the upload's algorithm, into the object's. */
export function combineChecksums({ algorithm, type }: MultipartChecksum, parts: readonly Part[]): Checksum {
  const pieces = parts.map(({ checksum, sizeBytes }) => ({
    crc: Buffer.from(checksum?.value ?? '', 'base64'),
    sizeBytes,
  }));
  if (type === 'FULL_OBJECT' && algorithm !== 'sha256') {
    return { algorithm, value: combineCrc(algorithm, pieces).toString('base64') };
  }
  const checksum = startChecksum(algorithm);
  for (const { crc } of pieces) checksum.update(crc);
  return { algorithm, value: `${checksum.digest().toString('base64')}-${parts.length}` };
}

function isAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(CHECKSUM_SIZES_BYTES, name);
}
