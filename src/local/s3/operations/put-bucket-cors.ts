import { parseCorsRules } from '../cors-rules.ts';
import { BODY_HEADERS } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { writeSetting } from '../store/buckets.ts';

/** PutBucketCors: replaces the whole configuration, at most 64 KiB. */
export async function putBucketCors(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request, BODY_HEADERS);
  const rules = parseCorsRules(await readSmallBody(call));
  await writeSetting(call.store, call.request.bucket, 'cors', JSON.stringify(rules));
  return { status: 200, headers: [] };
}
