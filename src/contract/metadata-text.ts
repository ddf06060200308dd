import { isCleanText } from './object-key.ts';

/** Names under which the service's own entries travel in an object's metadata; the client's may not begin so. */
export const RESERVED_METADATA_PREFIX = 'signpost-';

/**
 * Any text as a header value that every store keeps byte for byte: as it is where it is printable ASCII with single
 * inner spaces (SigV4 folds the others), else `~` and the base64url of its UTF-8 bytes, as user ids in keys. So is what
 * looks like a word of RFC 2047, section 2 (`=?utf-8?q?caf=C3=A9?=`), which S3 decodes (S3 User Guide, "Working with
 * object metadata").
 */
export function encodeText(text: string): string {
  return /^(?!~)(?!.*=\?)[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text)
    ? text
    : `~${Buffer.from(text).toString('base64url')}`;
}

/** Reads back what `encodeText` wrote; null for what it cannot have written. */
export function decodeText(value: string): string | null {
  if (!value.startsWith('~')) return value;
  const text = Buffer.from(value.slice(1), 'base64url').toString();
  // Somebody else's metadata may hold anything; only what encodeText would have written is ours.
  return encodeText(text) === value && isCleanText(text) ? text : null;
}
