import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { replaceTags } from '../store/objects.ts';
import { addressedObject, versionHeaders } from '../version-headers.ts';

/** DeleteObjectTagging: 204 also if there are no tags. */
export async function deleteObjectTagging(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const { versionId } = await replaceTags(store, request.bucket, addressedObject(request), []);
  return { status: 204, headers: await versionHeaders(call, versionId) };
}
