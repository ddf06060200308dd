import { BODY_HEADERS } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { parsePublicReadPolicy } from '../policy/public-read.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { writeSetting } from '../store/buckets.ts';

/**
 * PutBucketPolicy: accepts only policies that let everybody read (`parsePublicReadPolicy`). There is no Block Public
 * Access.
 */
export async function putBucketPolicy(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, [...BODY_HEADERS, 'x-amz-confirm-remove-self-bucket-access']);
  const policy = parsePublicReadPolicy((await readSmallBody(call)).toString(), request.bucket);
  await writeSetting(store, request.bucket, 'policy', JSON.stringify(policy));
  return { status: 204, headers: [] };
}
