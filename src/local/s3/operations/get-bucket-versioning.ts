import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { requireBucket } from '../store/buckets.ts';
import { readVersioning } from '../store/versioning.ts';
import { xmlAnswer } from '../xml-body.ts';

/** GetBucketVersioning: no Status if versioning was never set. */
export async function getBucketVersioning(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  await requireBucket(store, request.bucket);
  const versioning = await readVersioning(store, request.bucket);
  return xmlAnswer('VersioningConfiguration', versioning === null ? [] : [['Status', versioning]]);
}
