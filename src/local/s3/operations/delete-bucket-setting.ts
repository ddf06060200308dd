import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Operation } from '../s3-call.ts';
import { type BucketSetting, removeSetting } from '../store/buckets.ts';

/** DeleteBucketCors, DeleteBucketLifecycle and DeleteBucketPolicy: 204 also if none was set. */
export function deleteBucketSetting(setting: BucketSetting): S3Operation {
  return async (call) => {
    refuseUnknownHeaders(call.request);
    await readSmallBody(call);
    await removeSetting(call.store, call.request.bucket, setting);
    return { status: 204, headers: [] };
  };
}
