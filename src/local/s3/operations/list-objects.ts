import { checksumType } from '../checksums/checksum-headers.ts';
import { listPage } from '../listing/list-page.ts';
import { readCount } from '../listing/read-count.ts';
import { readEncoding } from '../listing/read-encoding.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { queryValue } from '../s3-request.ts';
import { mapInBatches } from '../store/durable-files.ts';
import { listKeys } from '../store/list-keys.ts';
import type { ObjectRecord } from '../store/object-record.ts';
import { readRecord } from '../store/objects.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_PAGE = 1000;

/**
 * ListObjectsV2: by the bytes of the keys' UTF-8, at most, and by default, 1,000 a page. The first version of it, and
 * owners, answer NotImplemented.
 */
export async function listObjects(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  const { bucket } = request;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const text = (name: string) => queryValue(request, name) ?? '';
  if (text('list-type') !== '2' || text('fetch-owner') === 'true') throw new S3Error('NotImplemented');
  const maxKeys = Math.min(readCount(request, 'max-keys', MAX_PAGE), MAX_PAGE);
  const { encode, nodes } = readEncoding(request);
  const [prefix, delimiter, startAfter] = [text('prefix'), text('delimiter'), text('start-after')];
  const token = queryValue(request, 'continuation-token');
  const marker = token === undefined ? startAfter : readToken(token);

  const keys = await listKeys(store, bucket);
  const page = listPage(
    keys.map((key) => ({ key })),
    { prefix, delimiter, marker, maxKeys },
  );
  const found = await mapInBatches(page.items, ({ key }) => readRecord(store, bucket, key));
  // One that was deleted since the keys were read is not listed.
  const records = found.filter((record) => record !== null);
  return xmlAnswer('ListBucketResult', [
    ['Name', bucket],
    ['Prefix', encode(prefix)],
    ...optional('Delimiter', encode(delimiter)),
    ...optional('StartAfter', encode(startAfter)),
    ...optional('ContinuationToken', token ?? ''),
    ...optional('NextContinuationToken', Buffer.from(page.next ?? '').toString('base64url')),
    ...nodes,
    ['MaxKeys', maxKeys],
    ['KeyCount', records.length + page.commonPrefixes.length],
    ['IsTruncated', page.next !== null],
    ...records.map((record): XmlNode => ['Contents', [['Key', encode(record.key)], ...describeRecord(record)]]),
    ...page.commonPrefixes.map((common): XmlNode => ['CommonPrefixes', [['Prefix', encode(common)]]]),
  ]);
}

function describeRecord({ lastModified, etag, sizeBytes, checksum }: ObjectRecord): XmlNode[] {
  const fields: XmlNode[] = [
    ['LastModified', lastModified],
    ['ETag', etag],
    ['Size', sizeBytes],
    ['StorageClass', 'STANDARD'],
  ];
  if (checksum === null) return fields;
  return [...fields, ['ChecksumAlgorithm', checksum.algorithm.toUpperCase()], ['ChecksumType', checksumType(checksum)]];
}

function readToken(token: string): string {
  const marker = Buffer.from(token, 'base64url').toString();
  if (marker !== '' && Buffer.from(marker).toString('base64url') === token) return marker;
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {
    ArgumentName: 'continuation-token',
  });
}

function optional(name: string, text: string): XmlNode[] {
  return text === '' ? [] : [[name, text]];
}
