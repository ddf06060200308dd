import { S3ServiceException } from '@aws-sdk/client-s3';
import { Problem } from '../contract/errors.ts';

/** Whether the bucket said, in its own words, one of these codes (S3 API Reference, "Error responses"). */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof S3ServiceException && codes.includes(error.name);
}

/**
 * The bucket's own code where the bucket itself refused: Object Lock, a policy, what it does not know. null where it
 * did not answer, or is busy, and the same may succeed a moment later.
 */
export function refusalCode(error: unknown): string | null {
  const cause = error instanceof Problem ? error.cause : error;
  if (!(cause instanceof S3ServiceException)) return null;
  const status = cause.$metadata.httpStatusCode ?? 0;
  const isRefusal = status === 501 || (status >= 400 && status < 500 && status !== 408 && status !== 429);
  return isRefusal ? `${status} ${cause.name}` : null;
}

/** Whether the bucket said that this object is gone, or is another one by now. NoSuchBucket is not of that kind. */
export function isGone(error: unknown): boolean {
  return isCode(error, 'NoSuchKey', 'NoSuchVersion', 'PreconditionFailed');
}

/** The same as a problem. It passes: whoever asks again is told of the object that is there then. */
export function objectChanged(cause?: unknown): Problem {
  return new Problem('conflict', 'the stored object changed meanwhile; try again', {
    headers: { 'retry-after': '1' },
    cause,
  });
}
