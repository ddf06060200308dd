import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { readRecord } from '../store/objects.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

/** GetObjectTagging: an empty set where there are no tags. */
export async function getObjectTagging(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const record = await readRecord(store, request.bucket, request.key);
  if (record === null) throw new S3Error('NoSuchKey');
  const tags = record.tags.map(({ key, value }): XmlNode => {
    return [
      'Tag',
      [
        ['Key', key],
        ['Value', value],
      ],
    ];
  });
  return xmlAnswer('Tagging', [['TagSet', tags]]);
}
