import type { Checksum } from '../store/object-record.ts';
import type { XmlNode } from '../xml-body.ts';

/** An object's checksum as headers; empty without a checksum. */
export function checksumHeaders(checksum: Checksum | null): [string, string][] {
  if (checksum === null) return [];
  return [
    [`x-amz-checksum-${checksum.algorithm}`, checksum.value],
    ['x-amz-checksum-type', checksumType(checksum)],
  ];
}

/** An object's checksum as XML elements; empty without a checksum. */
export function checksumNodes(checksum: Checksum | null): XmlNode[] {
  if (checksum === null) return [];
  return [
    [`Checksum${checksum.algorithm.toUpperCase()}`, checksum.value],
    ['ChecksumType', checksumType(checksum)],
  ];
}

/** Only composite checksums contain a hyphen; base64 does not. */
export function checksumType({ value }: Checksum): 'COMPOSITE' | 'FULL_OBJECT' {
  return value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT';
}
