import { S3ServiceException } from '@aws-sdk/client-s3';
import { Problem } from '../errors.ts';

/** Whether the bucket said, in its own words, one of these codes (S3 API Reference, "Error responses"). */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof S3ServiceException && codes.includes(error.name);
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
