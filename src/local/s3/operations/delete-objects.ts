import { BODY_HEADERS, readExpectedBody } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { requireBucket } from '../store/buckets.ts';
import { mapInBatches } from '../store/durable-files.ts';
import { removeObject } from '../store/objects.ts';
import type { XmlElement } from '../xml.ts';
import { childText, parseXmlBody, type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_KEYS = 1000;
const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** An object to delete; `etag` is null for any. */
type Doomed = { key: string; versionId: string | null; etag: string | null };

/**
 * DeleteObjects: 1 to 1,000 keys, each with its own result; with Quiet only the failures. Throws InvalidRequest without
 * a Content-MD5 or checksum of the body, MalformedXML, and NotImplemented for conditions other than an ETag.
 */
export async function deleteObjects(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  const { bucket } = request;
  refuseUnknownHeaders(request, BODY_HEADERS);
  const expected = readExpectedBody(call);
  if (expected.md5Base64 === null && expected.checksum === null) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  }
  const root = parseXmlBody(await readSmallBody(call, MAX_BODY_BYTES, expected));
  const { doomed, isQuiet } = readDelete(root);
  await requireBucket(store, bucket);
  const results = await mapInBatches(doomed, async ({ key, versionId, etag }): Promise<XmlNode | null> => {
    try {
      // Buckets have no versions here, and S3 calls the one that is there null.
      if (versionId !== null && versionId !== 'null') {
        throw new S3Error('InvalidArgument', 'Invalid version id specified');
      }
      await removeObject(store, bucket, key, { mustNotExist: false, mustMatch: etag });
      return isQuiet ? null : ['Deleted', [['Key', key]]];
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      return [
        'Error',
        [
          ['Key', key],
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

function readDelete(root: XmlElement): { doomed: Doomed[]; isQuiet: boolean } {
  const objects = root.children.filter(({ name }) => name === 'Object');
  const isKnown = root.children.every(({ name }) => name === 'Object' || name === 'Quiet');
  if (root.name !== 'Delete' || !isKnown || objects.length < 1 || objects.length > MAX_KEYS) {
    throw new S3Error('MalformedXML');
  }
  return { doomed: objects.map(readObject), isQuiet: childText(root, 'Quiet')?.trim() === 'true' };
}

function readObject(element: XmlElement): Doomed {
  const key = childText(element, 'Key');
  if (key === null || key === '') throw new S3Error('MalformedXML');
  const other = element.children.find(({ name }) => !['Key', 'VersionId', 'ETag'].includes(name));
  if (other !== undefined) throw new S3Error('NotImplemented', undefined, { Element: other.name });
  return { key, versionId: childText(element, 'VersionId'), etag: childText(element, 'ETag') };
}
