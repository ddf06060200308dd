import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { removeBucket } from '../store/remove-bucket.ts';

/** DeleteBucket: throws BucketNotEmpty if it contains objects. Unfinished uploads are removed with it, as on S3. */
export async function deleteBucket(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request);
  await readSmallBody(call);
  await removeBucket(call.store, call.request.bucket);
  return { status: 204, headers: [] };
}
