import { isNotModified } from './preconditions.ts';
import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';
import type { ObjectRecord } from './store/object-record.ts';

const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

/** The headers read here. */
export const COPY_SOURCE_HEADERS: readonly string[] = [
  'x-amz-copy-source',
  ...CONDITIONS.map((name) => `x-amz-copy-source-${name}`),
];

/**
 * The object that `x-amz-copy-source` names: `bucket/key`, URL-encoded, with or without a leading slash. Throws
 * InvalidArgument, and NotImplemented for a version.
 */
export function readCopySource(request: S3Request): { bucket: string; key: string } {
  const text = request.headers.get('x-amz-copy-source') ?? '';
  const [path = '', query] = text.split('?', 2);
  if (query !== undefined && query !== 'versionId=null') {
    throw new S3Error('NotImplemented', undefined, { Header: 'x-amz-copy-source' });
  }
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decode(path)) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  throw invalidSource(text);
}

/** Throws PreconditionFailed unless the source is as the `x-amz-copy-source-if-…` headers want it. */
export function requireCopyConditions(request: S3Request, source: ObjectRecord): void {
  const conditions = CONDITIONS.flatMap((name): [string, string][] => {
    const value = request.headers.get(`x-amz-copy-source-${name}`);
    return value === undefined ? [] : [[name, value]];
  });
  if (isNotModified(new Map(conditions), source)) throw new S3Error('PreconditionFailed');
}

function decode(path: string): string {
  try {
    // A header's text has a character for each byte.
    return decodeURIComponent(Buffer.from(path, 'latin1').toString());
  } catch {
    throw invalidSource(path);
  }
}

function invalidSource(text: string): S3Error {
  return new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey', {
    ArgumentName: 'x-amz-copy-source',
    ArgumentValue: text,
  });
}
