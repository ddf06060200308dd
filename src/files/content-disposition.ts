import contentDisposition from 'content-disposition';
import { baseName } from '../contract/object-key.ts';
import { isInlineSafe } from '../contract/rendered-types.ts';
import type { FileRow } from '../db/schema.ts';

export type Disposition = 'attachment' | 'inline';

/**
 * The Content-Disposition of a download: the exact name in `filename*`, and an ASCII form for old clients (RFC 6266,
 * RFC 8187). `inline` only if a browser runs no code in the claimed type nor in the detected one, and the bytes are not
 * encrypted by a client.
 */
export function toContentDisposition(
  disposition: Disposition,
  fileName: string,
  { contentType, detectedContentType, encryption }: Pick<FileRow, 'contentType' | 'detectedContentType' | 'encryption'>,
): string {
  const name = baseName(fileName) || 'file';
  const isSafe =
    encryption === null &&
    isInlineSafe(contentType) &&
    (detectedContentType === null || isInlineSafe(detectedContentType));
  return contentDisposition(name, {
    type: disposition === 'inline' && isSafe ? 'inline' : 'attachment',
    fallback: name.replace(/[^\x20-\x7e]/gu, '_'),
  });
}
