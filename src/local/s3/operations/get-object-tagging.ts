import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { requireRecord } from '../store/objects.ts';
import { addressedObject, versionHeaders } from '../version-headers.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

/** GetObjectTagging: an empty set if there are no tags. */
export async function getObjectTagging(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const { key, versionId } = addressedObject(request);
  const record = await requireRecord(store, request.bucket, key, versionId);
  const tags = record.tags.map((tag): XmlNode => {
    return [
      'Tag',
      [
        ['Key', tag.key],
        ['Value', tag.value],
      ],
    ];
  });
  const answer = xmlAnswer('Tagging', [['TagSet', tags]]);
  return { ...answer, headers: [...answer.headers, ...(await versionHeaders(call, record.versionId))] };
}
