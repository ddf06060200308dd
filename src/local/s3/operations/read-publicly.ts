import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import type { S3Request } from '../s3-request.ts';
import { SUBRESOURCES } from '../subresources.ts';
import { getObject } from './get-object.ts';
import { headObject } from './head-object.ts';

/**
 * True for an unsigned GET or HEAD of an object without parameters that S3 interprets: only the owner may read versions
 * and tags or override headers.
 */
export function isAnonymousRead({ method, bucket, key, query, headers }: S3Request): boolean {
  const isRead = (method === 'GET' || method === 'HEAD') && bucket !== '' && key !== '';
  return (
    isRead &&
    !headers.has('authorization') &&
    !query.some(([name]) => SUBRESOURCES.includes(name) || /^(?:response-|x-amz-|awsaccesskeyid$)/i.test(name))
  );
}

/**
 * Public GetObject and HeadObject, if the bucket's policy allows it. As on S3, a missing object is reported as
 * AccessDenied to callers who may not list the bucket.
 */
export async function readPublicly(call: Omit<S3Call, 'payload'>): Promise<S3Answer> {
  const read = call.request.method === 'HEAD' ? headObject : getObject;
  try {
    return await read({ ...call, payload: { kind: 'unsigned' } });
  } catch (error) {
    throw error instanceof S3Error && error.code === 'NoSuchKey' ? new S3Error('AccessDenied') : error;
  }
}
