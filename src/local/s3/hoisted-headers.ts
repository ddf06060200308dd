import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';

/** Parameters of the signature itself, in lower case. */
const SIGNATURE_PARAMETERS = [
  'algorithm',
  'content-sha256',
  'credential',
  'date',
  'expires',
  'security-token',
  'signature',
  'signedheaders',
  'user-agent',
].map((name) => `x-amz-${name}`);

/**
 * Turns the `x-amz-*` query parameters of a signed request into headers: SDKs presign metadata, tags, checksums and
 * ACLs that way, and S3 acts on them. They are then honoured or refused like headers, never ignored. Throws
 * InvalidArgument for a parameter that cannot be a header, is repeated, or contradicts a header.
 */
export function withHoistedHeaders(request: S3Request): S3Request {
  const headers = new Map(request.headers);
  const hoisted = new Set<string>();
  for (const [parameter, text] of request.query) {
    const name = parameter.toLowerCase();
    if (!name.startsWith('x-amz-') || SIGNATURE_PARAMETERS.includes(name)) continue;
    // A header's text has one character per byte.
    const value = Buffer.from(text.trim()).toString('latin1');
    const isHeader = /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
    if (!isHeader || hoisted.has(name) || (headers.get(name) ?? value) !== value) {
      throw new S3Error('InvalidArgument', 'The parameter cannot be a header, is repeated, or contradicts a header.', {
        ArgumentName: parameter,
        ArgumentValue: text,
      });
    }
    hoisted.add(name);
    headers.set(name, value);
  }
  return hoisted.size === 0 ? request : { ...request, headers };
}
