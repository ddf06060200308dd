import { S3Error } from './s3-error.ts';
import type { ObjectRecord } from './store/object-record.ts';

/** What must hold for a write: `If-None-Match: *`, `If-Match: <etag>`, or on DELETE `If-Match: *`. */
export type WriteCondition = { mustNotExist: boolean; mustMatch: string | null };

/**
 * The condition of a PUT or DELETE: the S3 user guide, "Add preconditions to S3 operations with conditional requests".
 * Throws NotImplemented for `If-None-Match` with an ETag, as S3 does.
 */
export function readWriteCondition(headers: ReadonlyMap<string, string>): WriteCondition {
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new S3Error('NotImplemented', undefined, { Header: 'If-None-Match' });
  }
  return { mustNotExist: ifNoneMatch === '*', mustMatch: headers.get('if-match') ?? null };
}

/** `readWriteCondition` for uploads. Throws NotImplemented for `If-Match: *`, which S3 accepts only on DELETE. */
export function readUploadCondition(headers: ReadonlyMap<string, string>): WriteCondition {
  const condition = readWriteCondition(headers);
  if (condition.mustMatch === '*') throw new S3Error('NotImplemented', undefined, { Header: 'If-Match' });
  return condition;
}

/** Throws PreconditionFailed, or NoSuchKey if the condition requires an object and there is none. */
export function requireWriteCondition({ mustNotExist, mustMatch }: WriteCondition, current: ObjectRecord | null): void {
  if (mustNotExist && current !== null)
    throw new S3Error('PreconditionFailed', undefined, { Condition: 'If-None-Match' });
  if (mustMatch === null) return;
  if (current === null) throw new S3Error('NoSuchKey');
  if (!matches(mustMatch, current.etag)) throw new S3Error('PreconditionFailed', undefined, { Condition: 'If-Match' });
}

/**
 * Whether to answer a GET or HEAD with 304 (RFC 9110, section 13.2.2). Throws PreconditionFailed. Ignores an
 * `If-…-Since` that is not an HTTP date.
 */
export function isNotModified(headers: ReadonlyMap<string, string>, record: ObjectRecord): boolean {
  const lastModified = Math.floor(Date.parse(record.lastModified) / 1000) * 1000;
  const ifMatch = headers.get('if-match');
  const failed =
    ifMatch === undefined
      ? lastModified > readDate(headers.get('if-unmodified-since'))
      : !matches(ifMatch, record.etag);
  if (failed) {
    const condition = ifMatch === undefined ? 'If-Unmodified-Since' : 'If-Match';
    throw new S3Error('PreconditionFailed', undefined, { Condition: condition });
  }
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, record.etag);
  return lastModified <= readDate(headers.get('if-modified-since'));
}

function readDate(value: string | undefined): number {
  return Date.parse(value ?? '');
}

/** S3 accepts ETags with and without quotes. */
function matches(list: string, etag: string): boolean {
  return list
    .split(',')
    .map((item) => item.trim().replace(/^W\//, ''))
    .some((item) => item === '*' || item === etag || `"${item}"` === etag);
}
