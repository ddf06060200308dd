import { describeObject } from '../describe-object.ts';
import { KEY_HEADERS } from '../encryption/key-of-request.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { openObject } from '../store/objects.ts';
import { addressedObject, versionHeaders } from '../version-headers.ts';

/** GetObject, with one range, conditions and `response-*` overrides. */
export async function getObject(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, ['x-amz-checksum-mode', ...KEY_HEADERS]);
  await readSmallBody(call);
  const { description, record, data } = await openObject(store, request.bucket, addressedObject(request), (found) =>
    describeObject(request, found),
  );
  try {
    const headers = [...description.headers, ...(await versionHeaders(call, record.versionId))];
    return { status: description.status, headers, ...(data && { body: data }) };
  } catch (error) {
    await data?.close();
    throw error;
  }
}
