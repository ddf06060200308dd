import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { unavailable } from '../contract/errors.ts';

/**
 * The time by the bucket's clock, which dates its objects: the `Date` header of an answer (RFC 9110, section 6.6.1), to
 * the second.
 * @throws {Problem} `storage-unavailable`, also for an answer without a date or not from this bucket.
 */
export async function readBucketClock(client: S3Client, bucketName: string): Promise<Date> {
  const command = new ListObjectsV2Command({ Bucket: bucketName, MaxKeys: 1 });
  let date = Number.NaN;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      date = Date.parse(dateOf(result.response));
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'readBucketClock' },
  );
  try {
    const page = await client.send(command);
    if (page.Name !== bucketName || Number.isNaN(date))
      throw new Error('the listing is not from this bucket, or has no date');
    return new Date(date);
  } catch (error) {
    throw unavailable('storage', error);
  }
}

function dateOf(response: unknown): string {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return '';
  const { headers } = response;
  return typeof headers === 'object' && headers !== null && 'date' in headers ? String(headers.date) : '';
}
