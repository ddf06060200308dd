import { checksumType } from '../checksums/checksum-headers.ts';
import { OWNER_NODES } from '../owner.ts';
import type { ObjectRecord } from '../store/object-record.ts';
import type { XmlNode } from '../xml-body.ts';
import type { KeyEncoding } from './read-encoding.ts';

/** The entries of a listing: its objects, then its common prefixes. */
export function describeContents(
  records: readonly ObjectRecord[],
  commonPrefixes: readonly string[],
  { encode }: KeyEncoding,
  hasOwner: boolean,
): XmlNode[] {
  const owner: XmlNode[] = hasOwner ? [['Owner', OWNER_NODES]] : [];
  return [
    ...records.map(
      (record): XmlNode => ['Contents', [['Key', encode(record.key)], ...describeRecord(record), ...owner]],
    ),
    ...commonPrefixes.map((common): XmlNode => ['CommonPrefixes', [['Prefix', encode(common)]]]),
  ];
}

function describeRecord({ lastModified, etag, sizeBytes, checksum }: ObjectRecord): XmlNode[] {
  const fields: XmlNode[] = [
    ['LastModified', lastModified],
    ['ETag', etag],
    ['Size', sizeBytes],
    ['StorageClass', 'STANDARD'],
  ];
  if (checksum === null) return fields;
  return [...fields, ['ChecksumAlgorithm', checksum.algorithm.toUpperCase()], ['ChecksumType', checksumType(checksum)]];
}
