import { checksumHeaders } from '../checksums/checksum-headers.ts';
import { etagOf, KEY_HEADERS, keepKey, keyHeaders, readCustomerKey } from '../encryption/key-of-request.ts';
import { readExpectedUpload, UPLOAD_HEADERS } from '../expected-upload.ts';
import { encryptionHeaders, OBJECT_HEADERS, readObjectHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readUploadCondition, requireWriteCondition } from '../preconditions.ts';
import { receiveBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { commitObject } from '../store/commit-object.ts';
import { readRecord } from '../store/objects.ts';
import { openIncomingFile } from '../store/open-incoming-file.ts';
import { readTagHeader } from '../tags.ts';
import { versionHeaders } from '../version-headers.ts';

/**
 * PutObject, at most 5 GiB with a Content-Length. All headers are checked before the first byte is read, so that a
 * client that waits for `100 Continue` never sends a body that is then refused.
 */
export async function putObject(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  refuseUnknownHeaders(request, [...UPLOAD_HEADERS, ...OBJECT_HEADERS, ...KEY_HEADERS]);
  const expected = readExpectedUpload(call);
  const headers = readObjectHeaders(request);
  const key = readCustomerKey(request.headers);
  const tags = readTagHeader(request.headers);
  const condition = readUploadCondition(request.headers);
  requireWriteCondition(condition, await readRecord(store, request.bucket, request.key));

  const upload = await openIncomingFile(store, key?.bytes);
  try {
    const { md5Hex, checksum } = await receiveBody(expected.bytes, expected, upload.write);
    await upload.finish();
    const etag = etagOf(md5Hex, key);
    const { sizeBytes } = expected;
    const described = { key: request.key, sizeBytes, etag, lastModified: now.toISOString(), headers, tags, checksum };
    const record = { ...described, ...keepKey(key) };
    const { versionId } = await commitObject(store, request.bucket, upload, record, condition);
    const answered = [...checksumHeaders(checksum), ...encryptionHeaders(headers), ...keyHeaders(key)];
    return { status: 200, headers: [['etag', etag], ...answered, ...(await versionHeaders(call, versionId))] };
  } catch (error) {
    await upload.discard();
    throw error;
  }
}
