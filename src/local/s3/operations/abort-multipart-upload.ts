import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { queryValue } from '../s3-request.ts';
import { abortMultipart } from '../store/multiparts.ts';

/** AbortMultipartUpload: a part that arrives meanwhile answers NoSuchUpload. */
export async function abortMultipartUpload(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  await abortMultipart(store, request.bucket, request.key, queryValue(request, 'uploadId') ?? '');
  return { status: 204, headers: [] };
}
