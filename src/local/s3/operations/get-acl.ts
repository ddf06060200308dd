import { describeAcl } from '../access-control.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { requireBucket } from '../store/buckets.ts';
import { readRecord } from '../store/objects.ts';

/** GetBucketAcl and GetObjectAcl: always the owner's full control. */
export async function getAcl(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request);
  await readSmallBody(call);
  await requireResource(call);
  return describeAcl();
}

/** Throws NoSuchBucket or NoSuchKey if the addressed bucket or object is missing. */
export async function requireResource({ request: { bucket, key }, store }: S3Call): Promise<void> {
  await requireBucket(store, bucket);
  if (key !== '' && (await readRecord(store, bucket, key)) === null) throw new S3Error('NoSuchKey');
}
