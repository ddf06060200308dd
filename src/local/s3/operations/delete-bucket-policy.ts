import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { removeSetting } from '../store/buckets.ts';

/** DeleteBucketPolicy: 204 also if none was set. */
export async function deleteBucketPolicy(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request);
  await readSmallBody(call);
  await removeSetting(call.store, call.request.bucket, 'policy');
  return { status: 204, headers: [] };
}
