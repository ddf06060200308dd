import { CHECKSUM_SIZES_BYTES } from './checksums/running-checksum.ts';
import { S3Error } from './s3-error.ts';
import type { MultipartChecksum, Part } from './store/multipart-record.ts';
import { childText, parseXmlBody } from './xml-body.ts';

/** A part in the list of a CompleteMultipartUpload. */
export type CompletedPart = {
  partNumber: number;
  /** As it was sent, with or without quotes. */
  etag: string;
  /** By element name, such as `ChecksumSHA256`. */
  checksums: ReadonlyMap<string, string>;
};

const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 5 * 1024 * 1024;
const CHECKSUM_ELEMENTS = Object.keys(CHECKSUM_SIZES_BYTES).map((name) => `Checksum${name.toUpperCase()}`);

/** The parts to assemble, 1 to 10,000. Throws MalformedXML, and InvalidPartOrder unless their numbers ascend. */
export function readCompletedParts(body: Buffer): CompletedPart[] {
  const root = parseXmlBody(body);
  const isList = root.name === 'CompleteMultipartUpload' && root.children.every(({ name }) => name === 'Part');
  if (!isList || root.children.length < 1 || root.children.length > MAX_PARTS) throw new S3Error('MalformedXML');
  const parts = root.children.map((element): CompletedPart => {
    const number = childText(element, 'PartNumber')?.trim() ?? '';
    const etag = childText(element, 'ETag')?.trim() ?? null;
    if (!/^[0-9]{1,9}$/.test(number) || etag === null) throw new S3Error('MalformedXML');
    const checksums = CHECKSUM_ELEMENTS.flatMap((name): [string, string][] => {
      const value = childText(element, name);
      return value === null ? [] : [[name, value.trim()]];
    });
    return { partNumber: Number(number), etag, checksums: new Map(checksums) };
  });
  if (parts.some(({ partNumber }, index) => index > 0 && partNumber <= (parts[index - 1]?.partNumber ?? 0))) {
    throw new S3Error('InvalidPartOrder');
  }
  return parts;
}

/**
 * Finds the uploaded part for an entry of the list. Throws InvalidPart if no part has this number, ETag and checksum,
 * EntityTooSmall for a part under 5 MiB that is not the last, and InvalidRequest if the entry lacks the checksum that a
 * composite checksum requires.
 */
export function choosePart(
  { partNumber, etag, checksums }: CompletedPart,
  uploaded: ReadonlyMap<number, Part>,
  checksum: MultipartChecksum | null,
  isLast: boolean,
): Part {
  const part = uploaded.get(partNumber);
  const details = { PartNumber: String(partNumber), ETag: etag };
  if (part === undefined || (etag !== part.etag && `"${etag}"` !== part.etag)) {
    throw new S3Error('InvalidPart', undefined, details);
  }
  const element = `Checksum${part.checksum?.algorithm.toUpperCase()}`;
  if (checksum?.type === 'COMPOSITE' && !checksums.has(element)) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using a ${checksum.algorithm} checksum. The complete request must include the ` +
        `checksum for each part. It was missing for part ${partNumber} in the request.`,
    );
  }
  for (const [name, value] of checksums) {
    if (name !== element || value !== part.checksum?.value) throw new S3Error('InvalidPart', undefined, details);
  }
  if (!isLast && part.sizeBytes < MIN_PART_BYTES) {
    const sizes = { ProposedSize: String(part.sizeBytes), MinSizeAllowed: String(MIN_PART_BYTES) };
    throw new S3Error('EntityTooSmall', undefined, { ...sizes, ...details });
  }
  return part;
}
