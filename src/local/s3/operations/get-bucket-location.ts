import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { requireBucket } from '../store/buckets.ts';
import { xmlTextAnswer } from '../xml-body.ts';

/** GetBucketLocation: empty for us-east-1, as on S3. */
export async function getBucketLocation(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request);
  await readSmallBody(call);
  await requireBucket(call.store, call.request.bucket);
  return xmlTextAnswer('LocationConstraint', call.region === 'us-east-1' ? '' : call.region);
}
