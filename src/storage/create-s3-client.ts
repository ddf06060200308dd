import { S3Client } from '@aws-sdk/client-s3';
import type { BucketConfig } from '../config.ts';

/** How long copying, or putting thousands of parts together, may take. */
export const PATIENCE_MS = 60_000;

/**
 * The client for everything the service itself asks of the bucket. Bounded waits, one retry: a bucket that does not
 * answer is a 503 within seconds, and the caller repeats the call.
 * @param answerWithinMs default 5,000.
 */
export function createS3Client(bucket: BucketConfig, answerWithinMs = 5_000): S3Client {
  return new S3Client({
    region: bucket.region,
    ...(bucket.credentials && { credentials: bucket.credentials }),
    ...(bucket.endpoint !== undefined && { endpoint: bucket.endpoint }),
    forcePathStyle: bucket.forcePathStyle,
    useDualstackEndpoint: bucket.useDualstackEndpoint,
    maxAttempts: 2,
    // The last one is for a body that stalls: the second ends with the headers.
    requestHandler: {
      connectionTimeout: 2_000,
      requestTimeout: answerWithinMs,
      throwOnRequestTimeout: true,
      socketTimeout: answerWithinMs,
    },
    // The SDK's own default would demand checksums of stores that do not know them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}
