import { listPage } from '../listing/list-page.ts';
import { readCount } from '../listing/read-count.ts';
import { readEncoding } from '../listing/read-encoding.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { OWNER_NODES } from '../owner.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { queryValue } from '../s3-request.ts';
import { listVersions } from '../store/list-versions.ts';
import { isDeleteMarker, type Version } from '../store/object-record.ts';
import { requireVersionId } from '../store/versions.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_PAGE = 1000;

/** ListObjectVersions: by key, the newest version of each first; at most, and by default, 1,000 a page. */
export async function listObjectVersions(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const text = (name: string) => queryValue(request, name) ?? '';
  const maxKeys = Math.min(readCount(request, 'max-keys', MAX_PAGE), MAX_PAGE);
  const { encode, nodes } = readEncoding(request);
  const [prefix, delimiter, marker] = [text('prefix'), text('delimiter'), text('key-marker')];
  const versionMarker = text('version-id-marker');
  if (versionMarker !== '' && marker === '') {
    throw new S3Error('InvalidArgument', 'A version-id marker cannot be specified without a key marker.');
  }
  if (versionMarker !== '') requireVersionId(versionMarker);

  const versions = await listVersions(store, request.bucket);
  const newest = new Map<string, Version>();
  for (const version of versions) if (!newest.has(version.key)) newest.set(version.key, version);
  const last = versions.find(({ key, versionId }) => key === marker && versionId === versionMarker);
  const isAfterMarker = ({ sequence }: Version) => last !== undefined && sequence < last.sequence;
  const page = listPage(versions, { prefix, delimiter, marker, maxKeys }, isAfterMarker);
  const lastItem = page.items.at(-1);
  const endsInItem = page.next !== null && page.next === lastItem?.key;
  return xmlAnswer('ListVersionsResult', [
    ['Name', request.bucket],
    ['Prefix', encode(prefix)],
    ['KeyMarker', encode(marker)],
    ['VersionIdMarker', versionMarker],
    ...(page.next === null ? [] : [['NextKeyMarker', encode(page.next)] as const]),
    ...(endsInItem ? [['NextVersionIdMarker', lastItem.versionId] as const] : []),
    ['MaxKeys', maxKeys],
    ...(delimiter === '' ? [] : [['Delimiter', encode(delimiter)] as const]),
    ...nodes,
    ['IsTruncated', page.next !== null],
    ...page.items.map((version) => describeVersion(version, encode, newest.get(version.key) === version)),
    ...page.commonPrefixes.map((common): XmlNode => ['CommonPrefixes', [['Prefix', encode(common)]]]),
  ]);
}

function describeVersion(version: Version, encode: (key: string) => string, isLatest: boolean): XmlNode {
  const { key, versionId, lastModified } = version;
  const fields: XmlNode[] = [
    ['Key', encode(key)],
    ['VersionId', versionId],
    ['IsLatest', isLatest],
    ['LastModified', lastModified],
    ['Owner', OWNER_NODES],
  ];
  if (isDeleteMarker(version)) return ['DeleteMarker', fields];
  return ['Version', [...fields, ['ETag', version.etag], ['Size', version.sizeBytes], ['StorageClass', 'STANDARD']]];
}
