import { checksumNodes } from '../checksums/checksum-headers.ts';
import { KEY_HEADERS, readCustomerKey, requireKey } from '../encryption/key-of-request.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { isNotModified } from '../preconditions.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { requireRecord } from '../store/objects.ts';
import { addressedObject, versionHeaders } from '../version-headers.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const HEADER = 'x-amz-object-attributes';

/** GetObjectAttributes: ETag, Checksum, StorageClass and ObjectSize; NotImplemented for ObjectParts. */
export async function getObjectAttributes(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, [HEADER, ...KEY_HEADERS]);
  await readSmallBody(call);
  const names = (request.headers.get(HEADER) ?? '').split(',').map((name) => name.trim());
  const { key, versionId } = addressedObject(request);
  const record = await requireRecord(store, request.bucket, key, versionId);
  requireKey(record, readCustomerKey(request.headers));
  if (isNotModified(request.headers, record)) return { status: 304, headers: [] };
  const attributes = new Map<string, XmlNode[]>([
    ['ETag', [['ETag', record.etag.replaceAll('"', '')]]],
    ['Checksum', record.checksum === null ? [] : [['Checksum', checksumNodes(record.checksum)]]],
    ['StorageClass', [['StorageClass', 'STANDARD']]],
    ['ObjectSize', [['ObjectSize', record.sizeBytes]]],
  ]);
  if (names.includes('ObjectParts')) throw new S3Error('NotImplemented', undefined, { Attribute: 'ObjectParts' });
  const unknown = names.find((name) => !attributes.has(name));
  if (unknown !== undefined) {
    const details = { ArgumentName: HEADER, ArgumentValue: unknown };
    throw new S3Error('InvalidArgument', 'Invalid attribute name specified.', details);
  }
  const nodes = [...attributes].flatMap(([name, node]) => (names.includes(name) ? node : []));
  const answer = xmlAnswer('GetObjectAttributesResponse', nodes);
  const lastModified = ['last-modified', new Date(record.lastModified).toUTCString()] as const;
  return { ...answer, headers: [...answer.headers, lastModified, ...(await versionHeaders(call, record.versionId))] };
}
