import { S3Error } from '../s3-error.ts';
import { queryValue, type S3Request } from '../s3-request.ts';

/** A numeric query parameter, 0 to 2^31-1; `fallback` if it is missing or empty. Throws InvalidArgument. */
export function readCount(request: S3Request, name: string, fallback: number): number {
  const text = queryValue(request, name) ?? '';
  if (text === '') return fallback;
  if (/^[0-9]{1,10}$/.test(text) && Number(text) < 2 ** 31) return Number(text);
  throw new S3Error('InvalidArgument', `Provided ${name} not an integer or within integer range`, {
    ArgumentName: name,
    ArgumentValue: text,
  });
}
