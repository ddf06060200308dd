import { randomUUID } from 'node:crypto';
import { MULTIPART_CHECKSUM_HEADERS, readMultipartChecksum } from '../checksums/multipart-checksum.ts';
import { KEY_HEADERS, keepKey, keyHeaders, readCustomerKey } from '../encryption/key-of-request.ts';
import { encryptionHeaders, OBJECT_HEADERS, readObjectHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { beginMultipart } from '../store/multiparts.ts';
import { readTagHeader } from '../tags.ts';
import { xmlAnswer } from '../xml-body.ts';

/** CreateMultipartUpload: fixes the object's headers, tags and checksum algorithm. */
export async function createMultipartUpload(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket, key } = request;
  refuseUnknownHeaders(request, [...OBJECT_HEADERS, ...MULTIPART_CHECKSUM_HEADERS, ...KEY_HEADERS]);
  const headers = readObjectHeaders(request);
  const customerKey = readCustomerKey(request.headers);
  const tags = readTagHeader(request.headers);
  const checksum = readMultipartChecksum(request);
  await readSmallBody(call);
  const uploadId = randomUUID();
  const upload = { uploadId, key, initiatedAt: now.toISOString(), headers, tags, checksum };
  await beginMultipart(store, bucket, { ...upload, ...keepKey(customerKey) });
  const answer = xmlAnswer('InitiateMultipartUploadResult', [
    ['Bucket', bucket],
    ['Key', key],
    ['UploadId', uploadId],
  ]);
  const checksumHeaders: [string, string][] =
    checksum === null
      ? []
      : [
          ['x-amz-checksum-algorithm', checksum.algorithm.toUpperCase()],
          ['x-amz-checksum-type', checksum.type],
        ];
  const encrypted = [...encryptionHeaders(headers), ...keyHeaders(customerKey)];
  return { ...answer, headers: [...answer.headers, ...checksumHeaders, ...encrypted] };
}
