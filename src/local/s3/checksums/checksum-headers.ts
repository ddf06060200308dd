import type { Checksum } from '../store/object-record.ts';
import type { XmlNode } from '../xml-body.ts';

/** The headers that tell an object's checksum; none without one. */
export function checksumHeaders(checksum: Checksum | null): [string, string][] {
  if (checksum === null) return [];
  return [
    [`x-amz-checksum-${checksum.algorithm}`, checksum.value],
    ['x-amz-checksum-type', checksumType(checksum)],
  ];
}

/** The elements that tell an object's checksum; none without one. */
export function checksumNodes(checksum: Checksum | null): XmlNode[] {
  if (checksum === null) return [];
  return [
    [`Checksum${checksum.algorithm.toUpperCase()}`, checksum.value],
    ['ChecksumType', checksumType(checksum)],
  ];
}

/** No base64 has a hyphen, every composite checksum does. */
export function checksumType({ value }: Checksum): 'COMPOSITE' | 'FULL_OBJECT' {
  return value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT';
}
