import { describeContents } from '../listing/describe-contents.ts';
import { listRecords } from '../listing/list-records.ts';
import { readCount } from '../listing/read-count.ts';
import { readEncoding } from '../listing/read-encoding.ts';
import { readToken, writeToken } from '../listing/token.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { queryValue } from '../s3-request.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_PAGE = 1000;

/** ListObjectsV2: by the bytes of the keys' UTF-8, at most, and by default, 1,000 a page. */
export async function listObjectsV2(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  const { bucket } = request;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const text = (name: string) => queryValue(request, name) ?? '';
  if (text('list-type') !== '2') throw new S3Error('NotImplemented', undefined, { Parameter: 'list-type' });
  const maxKeys = Math.min(readCount(request, 'max-keys', MAX_PAGE), MAX_PAGE);
  const encoding = readEncoding(request);
  const { encode, nodes } = encoding;
  const [prefix, delimiter, startAfter] = [text('prefix'), text('delimiter'), text('start-after')];
  const token = queryValue(request, 'continuation-token');
  const marker = token === undefined ? startAfter : readToken(token);
  const page = await listRecords(store, bucket, { prefix, delimiter, marker, maxKeys });
  return xmlAnswer('ListBucketResult', [
    ['Name', bucket],
    ['Prefix', encode(prefix)],
    ...optional('Delimiter', encode(delimiter)),
    ...optional('StartAfter', encode(startAfter)),
    ...optional('ContinuationToken', token ?? ''),
    ...optional('NextContinuationToken', writeToken(page.next)),
    ...nodes,
    ['MaxKeys', maxKeys],
    ['KeyCount', page.items.length + page.commonPrefixes.length],
    ['IsTruncated', page.next !== null],
    ...describeContents(page.items, page.commonPrefixes, encoding, text('fetch-owner') === 'true'),
  ]);
}

function optional(name: string, text: string): XmlNode[] {
  return text === '' ? [] : [[name, text]];
}
