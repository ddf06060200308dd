import { S3Error } from '../s3-error.ts';
import { queryValue, type S3Request } from '../s3-request.ts';
import type { XmlNode } from '../xml-body.ts';

/** How a listing encodes keys, and the element that says so. */
export type KeyEncoding = { encode: (key: string) => string; nodes: XmlNode[] };

/**
 * The `encoding-type` of a listing: `url`, as a form encodes but with slashes kept, or none. Throws InvalidArgument.
 */
export function readEncoding(request: S3Request): KeyEncoding {
  const type = queryValue(request, 'encoding-type') ?? '';
  if (type === '') return { encode: (key) => key, nodes: [] };
  if (type === 'url') return { encode: encodeKey, nodes: [['EncodingType', 'url']] };
  throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', {
    ArgumentName: 'encoding-type',
    ArgumentValue: type,
  });
}

function encodeKey(key: string): string {
  return new URLSearchParams({ '': key }).toString().slice(1).replaceAll('%2F', '/');
}
