import contentDisposition from 'content-disposition';
import { baseName } from '../object-key.ts';

export type Disposition = 'attachment' | 'inline';

/** Types a browser shows without running anything in them: not HTML, SVG, XML, scripts, nor what is unknown. */
const INLINE_SAFE =
  /^(?!.*\+xml$)(image\/(?!svg)[\w.+-]+|audio\/[\w.+-]+|video\/[\w.+-]+|application\/(pdf|json)|text\/(plain|csv))$/;

/**
 * The Content-Disposition of a download: the name as it is in `filename*`, and an ASCII one for old clients (RFC 6266,
 * RFC 8187). `inline` is granted only to types a browser cannot run.
 */
export function toContentDisposition(disposition: Disposition, fileName: string, mediaType: string): string {
  const name = baseName(fileName) || 'file';
  return contentDisposition(name, {
    type: disposition === 'inline' && INLINE_SAFE.test(mediaType) ? 'inline' : 'attachment',
    fallback: name.replace(/[^\x20-\x7e]/gu, '_'),
  });
}
