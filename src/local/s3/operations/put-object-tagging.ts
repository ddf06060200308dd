import { BODY_HEADERS } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { replaceTags } from '../store/objects.ts';
import { readTagging } from '../tags.ts';
import { addressedObject, versionHeaders } from '../version-headers.ts';
import { parseXmlBody } from '../xml-body.ts';

/** PutObjectTagging: replaces all tags; the object's date and ETag stay. */
export async function putObjectTagging(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, BODY_HEADERS);
  const tags = readTagging(parseXmlBody(await readSmallBody(call)));
  const { versionId } = await replaceTags(store, request.bucket, addressedObject(request), tags);
  return { status: 200, headers: await versionHeaders(call, versionId) };
}
