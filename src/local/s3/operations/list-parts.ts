import { multipartChecksumNodes } from '../checksums/multipart-checksum.ts';
import { KEY_HEADERS, readCustomerKey, requireKeyOfParts } from '../encryption/key-of-request.ts';
import { readCount } from '../listing/read-count.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { queryValue } from '../s3-request.ts';
import type { Part } from '../store/multipart-record.ts';
import { findMultipart, listPartNumbers, readParts } from '../store/multiparts.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_PAGE = 1000;

/** ListParts: `max-parts` (at most, and by default, 1,000) parts after `part-number-marker`. */
export async function listParts(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  const { bucket, key } = request;
  refuseUnknownHeaders(request, KEY_HEADERS);
  await readSmallBody(call);
  const maxParts = readCount(request, 'max-parts', MAX_PAGE);
  const marker = readCount(request, 'part-number-marker', 0);
  const upload = await findMultipart(store, bucket, key, queryValue(request, 'uploadId') ?? '');
  requireKeyOfParts(upload, readCustomerKey(request.headers));
  const { uploadId, checksum } = upload;
  const following = (await listPartNumbers(store, bucket, uploadId)).filter((partNumber) => partNumber > marker);
  const page = following.slice(0, Math.min(maxParts, MAX_PAGE));
  const parts = await readParts(store, bucket, uploadId, page);
  return xmlAnswer('ListPartsResult', [
    ['Bucket', bucket],
    ['Key', key],
    ['UploadId', uploadId],
    ['StorageClass', 'STANDARD'],
    ['PartNumberMarker', marker],
    ['NextPartNumberMarker', page.at(-1) ?? 0],
    ['MaxParts', Math.min(maxParts, MAX_PAGE)],
    ['IsTruncated', page.length > 0 && page.length < following.length],
    ...multipartChecksumNodes(checksum),
    ...parts.map((part): XmlNode => ['Part', describePart(part)]),
  ]);
}

function describePart({ partNumber, lastModified, etag, sizeBytes, checksum }: Part): XmlNode[] {
  return [
    ['PartNumber', partNumber],
    ['LastModified', lastModified],
    ['ETag', etag],
    ['Size', sizeBytes],
    ...(checksum === null ? [] : [[`Checksum${checksum.algorithm.toUpperCase()}`, checksum.value] as const]),
  ];
}
