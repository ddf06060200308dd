import { causeOf, Problem } from '../contract/errors.ts';
import { isS3Failure, statusOf } from './s3-failure.ts';

/** Whether the bucket answered with one of these error codes (S3 API Reference, "Error responses"). */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return isS3Failure(error) && codes.includes(error.name);
}

/**
 * The bucket's error code if the bucket refused: Object Lock, a policy, an unsupported request. null if it did not
 * answer or is busy, so that the same request may succeed later.
 */
export function refusalCode(error: unknown): string | null {
  const cause = causeOf(error);
  if (!isS3Failure(cause)) return null;
  const status = cause.$metadata.httpStatusCode;
  const isRefusal = status === 501 || (status >= 400 && status < 500 && status !== 408 && status !== 429);
  return isRefusal ? `${status} ${cause.name}` : null;
}

/** None of the service's keys opens an object that has a key of its own (SSE-C). */
export class NoKeyFits extends Error {
  override name = 'NoKeyFits';
}

/**
 * Why this object cannot be read now, although the bucket answers and the object exists: it has its own key, which the
 * service does not know, or it is archived (S3 API Reference, "Error responses": InvalidObjectState). null for any
 * other error.
 * @param error of a request on an object that was just listed.
 */
export function whyUnreadable(error: unknown): string | null {
  const cause = causeOf(error);
  if (isCode(cause, 'InvalidObjectState')) return 'is archived in the bucket: restore it there first';
  // HEAD has no body with a code: of an object with a key of its own, it is a 400.
  const isSealed = cause instanceof NoKeyFits || statusOf(cause) === 400;
  return isSealed ? 'is encrypted with a key that the service does not have (SSE-C)' : null;
}

/** Whether the bucket reports that this object is gone or was replaced. NoSuchBucket does not count. */
export function isGone(error: unknown): boolean {
  return isCode(error, 'NoSuchKey', 'NoSuchVersion', 'PreconditionFailed');
}

/** The same as a problem, which may be retried: the next call reads the current object. */
export function objectChanged(cause?: unknown): Problem {
  return new Problem('conflict', 'the stored object changed meanwhile; try again', {
    headers: { 'retry-after': '1' },
    cause,
  });
}
