import { describeObject } from '../describe-object.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { openObject } from '../store/objects.ts';

/** GetObject, with one range, conditions and `response-*` overrides. */
export async function getObject(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, ['x-amz-checksum-mode']);
  await readSmallBody(call);
  const { description, data } = await openObject(store, request.bucket, request.key, (record) =>
    describeObject(request, record),
  );
  const { status, headers } = description;
  return { status, headers, ...(data && { body: data }) };
}
