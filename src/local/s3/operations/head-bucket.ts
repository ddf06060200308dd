import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { requireBucket } from '../store/buckets.ts';

/** HeadBucket. */
export async function headBucket(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request);
  await readSmallBody(call);
  await requireBucket(call.store, call.request.bucket);
  return { status: 200, headers: [['x-amz-bucket-region', call.region]] };
}
