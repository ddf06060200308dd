import { renderLifecycleRules } from '../lifecycle/lifecycle-rules.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { readSetting } from '../store/buckets.ts';

/** GetBucketLifecycleConfiguration. */
export async function getBucketLifecycle(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request);
  await readSmallBody(call);
  const setting = await readSetting(call.store, call.request.bucket, 'lifecycle');
  if (setting === null) throw new S3Error('NoSuchLifecycleConfiguration');
  const body = renderLifecycleRules(JSON.parse(setting));
  return { status: 200, headers: [['content-type', 'application/xml']], body };
}
