import { S3Error } from './s3-error.ts';
import { queryValue, type S3Request } from './s3-request.ts';

const MAX_PART_NUMBER = 10_000;

/** The `partNumber` of a request, 1 to 10,000. Throws InvalidArgument. */
export function readPartNumber(request: S3Request): number {
  const text = queryValue(request, 'partNumber') ?? '';
  const partNumber = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (partNumber >= 1 && partNumber <= MAX_PART_NUMBER) return partNumber;
  throw new S3Error('InvalidArgument', `Part number must be an integer between 1 and ${MAX_PART_NUMBER}, inclusive`, {
    ArgumentName: 'partNumber',
    ArgumentValue: text,
  });
}
