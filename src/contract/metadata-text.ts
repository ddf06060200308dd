import { isCleanText } from './object-key.ts';

/** The prefix of the service's own metadata entries; clients' names may not start with it. */
export const RESERVED_METADATA_PREFIX = 'signpost-';

/** The entry with how the client encrypted the file. */
export const ENCRYPTION_ENTRY = `${RESERVED_METADATA_PREFIX}encryption`;

/**
 * Encodes any text as a header value that every store keeps byte for byte: printable ASCII with single inner spaces
 * (SigV4 folds others) unchanged, otherwise `~` and the base64url of its UTF-8 bytes, as for user ids in keys. So is
 * text that looks like an encoded word of RFC 2047, section 2 (`=?utf-8?q?caf=C3=A9?=`), which S3 decodes (S3 User
 * Guide, "Working with object metadata").
 */
export function encodeText(text: string): string {
  return /^(?!~)(?!.*=\?)[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text)
    ? text
    : `~${Buffer.from(text).toString('base64url')}`;
}

/** Decodes what `encodeText` wrote; null for anything else. */
export function decodeText(value: string): string | null {
  if (!value.startsWith('~')) return value;
  const text = Buffer.from(value.slice(1), 'base64url').toString();
  // Metadata from other writers may hold anything; only what `encodeText` could have written is accepted.
  return encodeText(text) === value && isCleanText(text) ? text : null;
}
