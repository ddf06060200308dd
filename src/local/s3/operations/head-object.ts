import { describeObject } from '../describe-object.ts';
import { KEY_HEADERS } from '../encryption/key-of-request.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { requireRecord } from '../store/objects.ts';
import { addressedObject, versionHeaders } from '../version-headers.ts';

/** HeadObject: what GetObject would answer, without the bytes. */
export async function headObject(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, ['x-amz-checksum-mode', ...KEY_HEADERS]);
  await readSmallBody(call);
  const { key, versionId } = addressedObject(request);
  const record = await requireRecord(store, request.bucket, key, versionId);
  const { status, headers } = describeObject(request, record);
  return { status, headers: [...headers, ...(await versionHeaders(call, record.versionId))] };
}
