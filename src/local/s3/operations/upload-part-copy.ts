import type { ByteRange } from '../byte-range.ts';
import { copyBytes } from '../copy-bytes.ts';
import { COPY_SOURCE_HEADERS, describeCopy, readCopySource } from '../copy-source.ts';
import { KEY_HEADERS, keyHeaders, readCustomerKey, requireSameKey } from '../encryption/key-of-request.ts';
import { encryptionHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readPartNumber } from '../part-number.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { queryValue, type S3Request } from '../s3-request.ts';
import { commitPart, findMultipart } from '../store/multiparts.ts';

const KNOWN_HEADERS = [...COPY_SOURCE_HEADERS, ...KEY_HEADERS, 'x-amz-copy-source-range'];

/** UploadPartCopy: copies a part of up to 5 GiB from an existing object, or from a range of it. */
export async function uploadPartCopy(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket } = request;
  refuseUnknownHeaders(request, KNOWN_HEADERS);
  const partNumber = readPartNumber(request);
  const from = readCopySource(request);
  await readSmallBody(call);
  const upload = await findMultipart(store, bucket, request.key, queryValue(request, 'uploadId') ?? '');
  const key = readCustomerKey(request.headers);
  requireSameKey(upload, key);
  const algorithm = upload.checksum?.algorithm ?? null;
  const choose = ({ sizeBytes }: { sizeBytes: number }) => ({ range: readSourceRange(request, sizeBytes), algorithm });
  return copyBytes(call, from, key, choose, async ({ source, upload: bytes, sizeBytes, etag, checksum }) => {
    const lastModified = now.toISOString();
    await commitPart(store, bucket, upload, bytes, { partNumber, sizeBytes, etag, lastModified, checksum });
    const answer = await describeCopy(call, 'CopyPartResult', { from, source, lastModified, etag, checksum });
    return { ...answer, headers: [...answer.headers, ...encryptionHeaders(upload.headers), ...keyHeaders(key)] };
  });
}

/** `bytes=first-last`, both required and within the source; without the header, the whole source. */
function readSourceRange({ headers }: S3Request, sizeBytes: number): ByteRange {
  const text = headers.get('x-amz-copy-source-range');
  if (text === undefined) return { start: 0, end: sizeBytes - 1 };
  const [, first, last] = /^bytes=([0-9]{1,15})-([0-9]{1,15})$/.exec(text) ?? [];
  const details = { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: text };
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    const message = 'The x-amz-copy-source-range value must be of the form bytes=first-last';
    throw new S3Error('InvalidArgument', message, details);
  }
  if (Number(last) >= sizeBytes) {
    const message = `Range specified is not valid for source object of size: ${sizeBytes}`;
    throw new S3Error('InvalidArgument', message, details);
  }
  return { start: Number(first), end: Number(last) };
}
