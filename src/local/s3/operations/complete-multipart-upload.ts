import { createHash } from 'node:crypto';
import { checksumNodes, checksumType } from '../checksums/checksum-headers.ts';
import { combineChecksums } from '../checksums/multipart-checksum.ts';
import { type CompletedPart, choosePart, readCompletedParts } from '../completed-parts.ts';
import { KEY_HEADERS, readCustomerKey, requireKeyOfParts } from '../encryption/key-of-request.ts';
import { BODY_HEADERS, readExpectedBody } from '../expected-body.ts';
import { encryptionHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readUploadCondition } from '../preconditions.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { queryValue, type S3Request } from '../s3-request.ts';
import type { MultipartUpload, Part } from '../store/multipart-record.ts';
import { completeMultipart, findMultipart } from '../store/multiparts.ts';
import type { Checksum, NewRecord, ObjectRecord } from '../store/object-record.ts';
import { readRecord } from '../store/objects.ts';
import { versionHeaders } from '../version-headers.ts';
import { xmlAnswer } from '../xml-body.ts';

/** Room for 10,000 parts with their checksums. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Checksums here are the object's, not the body's: the S3 reference, "CompleteMultipartUpload". */
const KNOWN_HEADERS = [...BODY_HEADERS, ...KEY_HEADERS, 'x-amz-checksum-type', 'x-amz-mp-object-size'];

/**
 * CompleteMultipartUpload. The list must be ascending, each part but the last at least 5 MiB. A repeated call gets the
 * same answer, as long as the object it created is the current one.
 */
export async function completeMultipartUpload(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket, key } = request;
  refuseUnknownHeaders(request, KNOWN_HEADERS);
  const condition = readUploadCondition(request.headers);
  const expected = readExpectedBody({ ...call, request: withoutCounts(request) });
  const list = readCompletedParts(await readSmallBody(call, MAX_BODY_BYTES, { ...expected, checksum: null }));
  const uploadId = queryValue(request, 'uploadId') ?? '';

  try {
    const upload = await findMultipart(store, bucket, key, uploadId);
    requireKeyOfParts(upload, readCustomerKey(request.headers));
    const record = await completeMultipart(store, bucket, upload, condition, (parts) => {
      const assembled = assemble(upload, list, parts, now);
      requireAnnounced(request, expected.checksum, assembled);
      return assembled;
    });
    return await describeCompleted(call, record);
  } catch (error) {
    const current = await readRecord(store, bucket, key);
    const isRepeated = error instanceof S3Error && error.code === 'NoSuchUpload' && current?.uploadId === uploadId;
    if (current === null || !isRepeated) throw error;
    return describeCompleted(call, current);
  }
}

function assemble(
  { key, uploadId, headers, tags, checksum, customerKey }: MultipartUpload,
  list: readonly CompletedPart[],
  uploaded: readonly Part[],
  now: Date,
): NewRecord {
  const byNumber = new Map(uploaded.map((part) => [part.partNumber, part]));
  const parts = list.map((item, index) => choosePart(item, byNumber, checksum, index === list.length - 1));
  const md5 = createHash('md5');
  for (const { etag } of parts) md5.update(Buffer.from(etag.slice(1, -1), 'hex'));
  return {
    key,
    sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    etag: `"${md5.digest('hex')}-${parts.length}"`,
    lastModified: now.toISOString(),
    headers,
    tags,
    checksum: checksum === null ? null : combineChecksums(checksum, parts),
    files: parts.map(({ file }) => file),
    uploadId,
    ...(customerKey !== undefined && { customerKey }),
  };
}

/** Throws InvalidRequest or BadDigest if the object differs from what the headers announce. */
function requireAnnounced(
  { headers }: S3Request,
  announced: Checksum | null,
  { sizeBytes, checksum }: NewRecord,
): void {
  const announcedSize = headers.get('x-amz-mp-object-size');
  if (announcedSize !== undefined && announcedSize !== String(sizeBytes)) {
    const message =
      `The provided 'x-amz-mp-object-size' header value ${announcedSize} does not match what was computed: ` +
      `${sizeBytes}`;
    throw new S3Error('InvalidRequest', message);
  }
  const announcedType = headers.get('x-amz-checksum-type')?.toUpperCase();
  if (announcedType !== undefined && (checksum === null || announcedType !== checksumType(checksum))) {
    throw new S3Error('InvalidRequest', 'The checksum type is not that of the upload.');
  }
  if (announced === null) return;
  if (checksum?.algorithm !== announced.algorithm || withoutCount(checksum.value) !== announced.value) {
    throw new S3Error('BadDigest', `The ${announced.algorithm} you specified did not match the calculated checksum.`);
  }
}

/** S3 accepts a composite checksum with or without its number of parts. */
function withoutCounts(request: S3Request): S3Request {
  const headers = [...request.headers].map(([name, value]): [string, string] => [
    name,
    name.startsWith('x-amz-checksum-') ? withoutCount(value) : value,
  ]);
  return { ...request, headers: new Map(headers) };
}

function withoutCount(checksum: string): string {
  return checksum.replace(/-[0-9]+$/, '');
}

async function describeCompleted(
  call: S3Call,
  { etag, checksum, headers, versionId }: ObjectRecord,
): Promise<S3Answer> {
  const { request } = call;
  const { bucket, key } = request;
  const answer = xmlAnswer('CompleteMultipartUploadResult', [
    ['Location', `http://${request.headers.get('host') ?? ''}${request.rawPath}`],
    ['Bucket', bucket],
    ['Key', key],
    ['ETag', etag],
    ...checksumNodes(checksum),
  ]);
  const described = [...encryptionHeaders(headers), ...(await versionHeaders(call, versionId))];
  return { ...answer, headers: [...answer.headers, ...described] };
}
