import { refuseUnknownHeaders } from '../object-headers.ts';
import { readWriteCondition } from '../preconditions.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { type Removal, removeObject, removeVersion } from '../store/remove-object.ts';
import { addressedObject } from '../version-headers.ts';

/** DeleteObject: 204 also if there is no object, unless `If-Match` requires one. */
export async function deleteObject(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket } = request;
  refuseUnknownHeaders(request);
  const condition = readWriteCondition(request.headers);
  await readSmallBody(call);
  const { key, versionId } = addressedObject(request);
  const removal =
    versionId === null
      ? await removeObject(store, bucket, key, condition, now)
      : await removeVersion(store, bucket, key, versionId, condition);
  return { status: 204, headers: removalHeaders(removal) };
}

function removalHeaders({ versionId, isDeleteMarker }: Removal): [string, string][] {
  const headers: [string, string][] = versionId === null ? [] : [['x-amz-version-id', versionId]];
  return isDeleteMarker ? [...headers, ['x-amz-delete-marker', 'true']] : headers;
}
