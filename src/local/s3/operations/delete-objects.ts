import { BODY_HEADERS, readExpectedBody } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { requireBucket } from '../store/buckets.ts';
import { mapInBatches } from '../store/durable-files.ts';
import { type Removal, removeObject, removeVersion } from '../store/remove-object.ts';
import type { XmlElement } from '../xml.ts';
import { childText, parseXmlBody, type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_KEYS = 1000;
const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** An object to delete; `etag` is null if it does not matter. */
type ObjectToDelete = { key: string; versionId: string | null; etag: string | null };

/**
 * DeleteObjects: 1 to 1,000 keys, each with its own result; with Quiet only the failures. Throws InvalidRequest without
 * a Content-MD5 or checksum of the body, MalformedXML, and NotImplemented for conditions other than an ETag.
 */
export async function deleteObjects(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket } = request;
  refuseUnknownHeaders(request, BODY_HEADERS);
  const expected = readExpectedBody(call);
  if (expected.md5Base64 === null && expected.checksum === null) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  }
  const root = parseXmlBody(await readSmallBody(call, MAX_BODY_BYTES, expected));
  const { toDelete, isQuiet } = readDelete(root);
  await requireBucket(store, bucket);
  const results = await mapInBatches(toDelete, async ({ key, versionId, etag }): Promise<XmlNode | null> => {
    try {
      const condition = { mustNotExist: false, mustMatch: etag };
      const removal =
        versionId === null
          ? await removeObject(store, bucket, key, condition, now)
          : await removeVersion(store, bucket, key, versionId, condition);
      return isQuiet ? null : ['Deleted', [['Key', key], ...describeRemoval(removal, versionId)]];
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      return [
        'Error',
        [
          ['Key', key],
          ...(versionId === null ? [] : [['VersionId', versionId] as const]),
          ['Code', error.code],
          ['Message', error.message],
        ],
      ];
    }
  });
  return xmlAnswer(
    'DeleteResult',
    results.filter((result) => result !== null),
  );
}

/** The S3 reference, "DeletedObject": the id of a delete marker, created or removed, has an element of its own. */
function describeRemoval({ versionId, isDeleteMarker }: Removal, asked: string | null): XmlNode[] {
  const nodes: XmlNode[] = asked === null ? [] : [['VersionId', asked]];
  if (!isDeleteMarker) return nodes;
  return [...nodes, ['DeleteMarker', true], ['DeleteMarkerVersionId', versionId ?? '']];
}

function readDelete(root: XmlElement): { toDelete: ObjectToDelete[]; isQuiet: boolean } {
  const objects = root.children.filter(({ name }) => name === 'Object');
  const isKnown = root.children.every(({ name }) => name === 'Object' || name === 'Quiet');
  if (root.name !== 'Delete' || !isKnown || objects.length < 1 || objects.length > MAX_KEYS) {
    throw new S3Error('MalformedXML');
  }
  return { toDelete: objects.map(readObject), isQuiet: childText(root, 'Quiet')?.trim() === 'true' };
}

function readObject(element: XmlElement): ObjectToDelete {
  const key = childText(element, 'Key');
  if (key === null || key === '') throw new S3Error('MalformedXML');
  const other = element.children.find(({ name }) => !['Key', 'VersionId', 'ETag'].includes(name));
  if (other !== undefined) throw new S3Error('NotImplemented', undefined, { Element: other.name });
  return { key, versionId: childText(element, 'VersionId'), etag: childText(element, 'ETag') };
}
