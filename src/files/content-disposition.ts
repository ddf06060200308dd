import contentDisposition from 'content-disposition';
import { baseName } from '../contract/object-key.ts';
import { isInlineSafe } from '../contract/rendered-types.ts';
import type { FileRow } from '../db/schema.ts';

export type Disposition = 'attachment' | 'inline';

/**
 * The Content-Disposition of a download: the name as it is in `filename*`, and an ASCII one for old clients (RFC 6266,
 * RFC 8187). `inline` is granted only where a browser runs nothing: in the type that was claimed, and in the one that
 * the bytes were found to be.
 */
export function toContentDisposition(
  disposition: Disposition,
  fileName: string,
  { contentType, detectedContentType }: Pick<FileRow, 'contentType' | 'detectedContentType'>,
): string {
  const name = baseName(fileName) || 'file';
  const isSafe = isInlineSafe(contentType) && (detectedContentType === null || isInlineSafe(detectedContentType));
  return contentDisposition(name, {
    type: disposition === 'inline' && isSafe ? 'inline' : 'attachment',
    fallback: name.replace(/[^\x20-\x7e]/gu, '_'),
  });
}
