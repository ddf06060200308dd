import { multipartChecksumNodes } from '../checksums/multipart-checksum.ts';
import { listPage } from '../listing/list-page.ts';
import { readCount } from '../listing/read-count.ts';
import { readEncoding } from '../listing/read-encoding.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { queryValue } from '../s3-request.ts';
import { readMultiparts } from '../store/multiparts.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_PAGE = 1000;

/** ListMultipartUploads: by key, and by upload id within a key; at most, and by default, 1,000 a page. */
export async function listMultipartUploads(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const maxUploads = Math.min(readCount(request, 'max-uploads', MAX_PAGE), MAX_PAGE);
  const { encode, nodes } = readEncoding(request);
  const text = (name: string) => queryValue(request, name) ?? '';
  const [prefix, delimiter, marker] = [text('prefix'), text('delimiter'), text('key-marker')];
  // S3 ignores it without a key marker.
  const uploadIdMarker = marker === '' ? '' : text('upload-id-marker');

  const uploads = await readMultiparts(store, request.bucket);
  uploads.sort((a, b) => (a.uploadId < b.uploadId ? -1 : 1));
  const query = { prefix, delimiter, marker, maxKeys: maxUploads };
  const page = listPage(uploads, query, ({ uploadId }) => uploadIdMarker !== '' && uploadId > uploadIdMarker);
  const lastKey = page.items.at(-1);
  return xmlAnswer('ListMultipartUploadsResult', [
    ['Bucket', request.bucket],
    ['KeyMarker', encode(marker)],
    ['UploadIdMarker', uploadIdMarker],
    ['NextKeyMarker', encode(page.next ?? '')],
    ['NextUploadIdMarker', page.next !== null && page.next === lastKey?.key ? lastKey.uploadId : ''],
    ['Prefix', encode(prefix)],
    ['Delimiter', encode(delimiter)],
    ...nodes,
    ['MaxUploads', maxUploads],
    ['IsTruncated', page.next !== null],
    ...page.items.map(({ key, uploadId, initiatedAt, checksum }): XmlNode => {
      const fields: XmlNode[] = [
        ['Key', encode(key)],
        ['UploadId', uploadId],
        ['StorageClass', 'STANDARD'],
        ['Initiated', initiatedAt],
      ];
      return ['Upload', [...fields, ...multipartChecksumNodes(checksum)]];
    }),
    ...page.commonPrefixes.map((common): XmlNode => ['CommonPrefixes', [['Prefix', encode(common)]]]),
  ]);
}
