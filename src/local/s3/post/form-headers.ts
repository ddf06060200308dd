import { CONTENT_HEADERS } from '../object-headers.ts';
import { S3Error } from '../s3-error.ts';

/** Fields of the signature, which are not headers of a PutObject. */
const SIGNATURE_FIELDS = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-date', 'x-amz-signature'];

/**
 * The fields of a form as the headers of a PutObject: latin1 text of their UTF-8. Throws InvalidArgument for one that
 * no header can carry.
 */
export function formHeaders(fields: ReadonlyMap<string, string>): Map<string, string> {
  const headers = [...fields].filter(
    ([name]) => CONTENT_HEADERS.includes(name) || (name.startsWith('x-amz-') && !SIGNATURE_FIELDS.includes(name)),
  );
  return new Map(
    headers.map(([name, value]) => {
      const text = Buffer.from(value.trim()).toString('latin1');
      if (/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return [name, text];
      throw new S3Error('InvalidArgument', 'The field cannot be a header.', { ArgumentName: name });
    }),
  );
}
