import { requirePartChecksum } from '../checksums/multipart-checksum.ts';
import { startChecksum } from '../checksums/running-checksum.ts';
import { etagOf, KEY_HEADERS, keyHeaders, readCustomerKey, requireSameKey } from '../encryption/key-of-request.ts';
import { readExpectedUpload, UPLOAD_HEADERS } from '../expected-upload.ts';
import { encryptionHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readPartNumber } from '../part-number.ts';
import { receiveBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { queryValue } from '../s3-request.ts';
import { commitPart, findMultipart } from '../store/multiparts.ts';
import { openIncomingFile } from '../store/open-incoming-file.ts';

/** UploadPart, at most 5 GiB with a Content-Length; it replaces an earlier part of the same number. */
export async function uploadPart(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  refuseUnknownHeaders(request, [...UPLOAD_HEADERS, ...KEY_HEADERS]);
  const partNumber = readPartNumber(request);
  const expected = readExpectedUpload(call);
  const upload = await findMultipart(store, request.bucket, request.key, queryValue(request, 'uploadId') ?? '');
  const key = readCustomerKey(request.headers);
  requireSameKey(upload, key);
  const sent = (expected.checksum ?? expected.trailing)?.algorithm ?? null;
  requirePartChecksum(upload.checksum, sent);

  const { algorithm } = upload.checksum ?? {};
  // S3 computes a checksum that was not sent, because the object's checksum combines those of all parts.
  const computed = sent === null && algorithm !== undefined ? startChecksum(algorithm) : null;
  const bytes = await openIncomingFile(store, key?.bytes);
  try {
    const received = await receiveBody(expected.bytes, expected, async (chunk) => {
      computed?.update(chunk);
      await bytes.write(chunk);
    });
    await bytes.finish();
    const etag = etagOf(received.md5Hex, key);
    const checksum =
      computed === null || algorithm === undefined
        ? received.checksum
        : { algorithm, value: computed.digest().toString('base64') };
    const { sizeBytes } = expected;
    const part = { partNumber, sizeBytes, etag, lastModified: now.toISOString(), checksum };
    await commitPart(store, request.bucket, upload, bytes, part);
    const checksumHeaders: [string, string][] =
      checksum === null ? [] : [[`x-amz-checksum-${checksum.algorithm}`, checksum.value]];
    const encrypted = [...encryptionHeaders(upload.headers), ...keyHeaders(key)];
    return { status: 200, headers: [['etag', etag], ...checksumHeaders, ...encrypted] };
  } catch (error) {
    await bytes.discard();
    throw error;
  }
}
