import { refuseUnknownHeaders } from '../object-headers.ts';
import { readWriteCondition } from '../preconditions.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { removeObject } from '../store/objects.ts';

/** DeleteObject: 204 also when there is none, unless `If-Match` asks for one. */
export async function deleteObject(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  const condition = readWriteCondition(request.headers);
  await readSmallBody(call);
  await removeObject(store, request.bucket, request.key, condition);
  return { status: 204, headers: [] };
}
