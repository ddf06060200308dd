import { readObjectHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readWriteCondition, requireWriteCondition } from '../preconditions.ts';
import { BODY_HEADERS, readExpectedBody, receiveBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { commitObject, readRecord } from '../store/objects.ts';
import { startUpload } from '../store/start-upload.ts';

const MAX_OBJECT_BYTES = 5 * 1024 ** 3;
const KNOWN_HEADERS = [...BODY_HEADERS, 'x-amz-server-side-encryption', 'x-amz-storage-class'];

/**
 * PutObject, at most 5 GiB with a Content-Length. Everything the headers can decide is decided before the first byte is
 * read, so that a client that waits for `100 Continue` sends nothing in vain.
 */
export async function putObject(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  refuseUnknownHeaders(request, KNOWN_HEADERS);
  if (!request.headers.has('content-length')) throw new S3Error('MissingContentLength');
  const expected = readExpectedBody(call);
  if (expected.sizeBytes > MAX_OBJECT_BYTES) {
    throw new S3Error('EntityTooLarge', undefined, {
      ProposedSize: String(expected.sizeBytes),
      MaxSizeAllowed: String(MAX_OBJECT_BYTES),
    });
  }
  const headers = readObjectHeaders(request);
  const condition = readWriteCondition(request.headers);
  // S3 takes `*` here on DELETE only.
  if (condition.mustMatch === '*') throw new S3Error('NotImplemented', undefined, { Header: 'If-Match' });
  requireWriteCondition(condition, await readRecord(store, request.bucket, request.key));

  const upload = await startUpload(store, expected.sizeBytes);
  try {
    const etag = `"${await receiveBody(request.body, expected, upload.write)}"`;
    await upload.finish();
    const { checksum, sizeBytes } = expected;
    const record = { key: request.key, sizeBytes, etag, lastModified: now.toISOString(), headers, checksum };
    await commitObject(store, request.bucket, upload, record, condition);
    return { status: 200, headers: [['etag', etag], ...checksumHeaders(checksum), ...encryptionHeaders(headers)] };
  } catch (error) {
    await upload.discard();
    throw error;
  }
}

function checksumHeaders(checksum: { algorithm: string; value: string } | null): [string, string][] {
  if (checksum === null) return [];
  return [
    [`x-amz-checksum-${checksum.algorithm}`, checksum.value],
    ['x-amz-checksum-type', 'FULL_OBJECT'],
  ];
}

function encryptionHeaders(headers: readonly [string, string][]): [string, string][] {
  return headers.filter(([name]) => name === 'x-amz-server-side-encryption');
}
