import { BODY_HEADERS } from '../expected-body.ts';
import { parseLifecycleRules } from '../lifecycle/lifecycle-rules.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { writeSetting } from '../store/buckets.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** PutBucketLifecycleConfiguration: replaces the whole configuration, at most 1 MiB. */
export async function putBucketLifecycle(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request, BODY_HEADERS);
  const rules = parseLifecycleRules(await readSmallBody(call, MAX_BODY_BYTES));
  await writeSetting(call.store, call.request.bucket, 'lifecycle', JSON.stringify(rules));
  return { status: 200, headers: [] };
}
