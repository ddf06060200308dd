import { describeContents } from '../listing/describe-contents.ts';
import { listRecords } from '../listing/list-records.ts';
import { readCount } from '../listing/read-count.ts';
import { readEncoding } from '../listing/read-encoding.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { queryValue } from '../s3-request.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_PAGE = 1000;

/** ListObjects, the first version: by the bytes of the keys' UTF-8, at most, and by default, 1,000 a page. */
export async function listObjects(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  const { bucket } = request;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const text = (name: string) => queryValue(request, name) ?? '';
  const maxKeys = Math.min(readCount(request, 'max-keys', MAX_PAGE), MAX_PAGE);
  const encoding = readEncoding(request);
  const [prefix, delimiter, marker] = [text('prefix'), text('delimiter'), text('marker')];
  const page = await listRecords(store, bucket, { prefix, delimiter, marker, maxKeys });
  // Without a delimiter, clients continue from the last key.
  const next: XmlNode[] = page.next === null || delimiter === '' ? [] : [['NextMarker', encoding.encode(page.next)]];
  return xmlAnswer('ListBucketResult', [
    ['Name', bucket],
    ['Prefix', encoding.encode(prefix)],
    ['Marker', encoding.encode(marker)],
    ...next,
    ...(delimiter === '' ? [] : [['Delimiter', encoding.encode(delimiter)] as const]),
    ...encoding.nodes,
    ['MaxKeys', maxKeys],
    ['IsTruncated', page.next !== null],
    ...describeContents(page.items, page.commonPrefixes, encoding, true),
  ]);
}
