import { checksumType } from '../checksums/checksum-headers.ts';
import { readAlgorithm } from '../checksums/multipart-checksum.ts';
import { startChecksum } from '../checksums/running-checksum.ts';
import { COPY_SOURCE_HEADERS, readCopySource, requireCopyConditions } from '../copy-source.ts';
import { ANY_BODY } from '../expected-body.ts';
import { encryptionHeaders, OBJECT_HEADERS, readObjectHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readUploadCondition, requireWriteCondition } from '../preconditions.ts';
import { readSmallBody, receiveBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import type { S3Request } from '../s3-request.ts';
import type { ObjectRecord } from '../store/object-record.ts';
import { commitObject, openObject, readRecord } from '../store/objects.ts';
import { startUpload } from '../store/start-upload.ts';
import { readTagHeader } from '../tags.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_SOURCE_BYTES = 5 * 1024 ** 3;

const KNOWN_HEADERS = [
  ...COPY_SOURCE_HEADERS,
  ...OBJECT_HEADERS,
  'x-amz-metadata-directive',
  'x-amz-tagging-directive',
  'x-amz-checksum-algorithm',
];

/**
 * CopyObject, at most 5 GiB: headers and tags are the source's, or with REPLACE the request's. The bytes are read and
 * written again, so the ETag is always their MD5 and a checksum is of the whole object. Conditions on the destination as
 * in PutObject.
 */
export async function copyObject(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket, key } = request;
  refuseUnknownHeaders(request, KNOWN_HEADERS);
  const from = readCopySource(request);
  const ownHeaders = readObjectHeaders(request);
  const ownTags = readTagHeader(request.headers);
  const replacesHeaders = readDirective(request, 'metadata');
  const replacesTags = readDirective(request, 'tagging');
  const condition = readUploadCondition(request.headers);
  const ownAlgorithm = readAlgorithm(request);
  await readSmallBody(call);
  if (from.bucket === bucket && from.key === key && !replacesHeaders) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  requireWriteCondition(condition, await readRecord(store, bucket, key));

  const { record: source, data } = await openObject(store, from.bucket, from.key, (record) => {
    requireCopyConditions(request, record);
    requireCopyable(record);
    return { range: { start: 0, end: record.sizeBytes - 1 } };
  });
  try {
    const algorithm = ownAlgorithm ?? source.checksum?.algorithm ?? null;
    const running = algorithm === null ? null : startChecksum(algorithm);
    const upload = await startUpload(store, source.sizeBytes);
    try {
      const expected = { ...ANY_BODY, sizeBytes: source.sizeBytes };
      const { md5Hex } = await receiveBody(data?.chunks ?? [], expected, async (chunk) => {
        running?.update(chunk);
        await upload.write(chunk);
      });
      await upload.finish();
      const record = {
        key,
        sizeBytes: source.sizeBytes,
        etag: `"${md5Hex}"`,
        lastModified: now.toISOString(),
        headers: replacesHeaders ? ownHeaders : [...keptHeaders(source), ...encryptionHeaders(ownHeaders)],
        checksum: running && algorithm && { algorithm, value: running.digest().toString('base64') },
        tags: replacesTags ? ownTags : source.tags,
      };
      await commitObject(store, bucket, upload, record, condition);
      return describeCopy(record);
    } catch (error) {
      await upload.discard();
      throw error;
    }
  } finally {
    await data?.close();
  }
}

/** Encryption is the request's to ask for, whatever the source has. */
function keptHeaders({ headers }: ObjectRecord): [string, string][] {
  const encryption = encryptionHeaders(headers);
  return headers.filter((header) => !encryption.includes(header));
}

function readDirective({ headers }: S3Request, what: 'metadata' | 'tagging'): boolean {
  const directive = headers.get(`x-amz-${what}-directive`) ?? 'COPY';
  if (directive === 'COPY' || directive === 'REPLACE') return directive === 'REPLACE';
  throw new S3Error('InvalidArgument', `Unknown ${what} directive.`, {
    ArgumentName: `x-amz-${what}-directive`,
    ArgumentValue: directive,
  });
}

function requireCopyable({ sizeBytes }: ObjectRecord): void {
  if (sizeBytes <= MAX_SOURCE_BYTES) return;
  const message = `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_SOURCE_BYTES}`;
  throw new S3Error('InvalidRequest', message);
}

function describeCopy({
  lastModified,
  etag,
  checksum,
  headers,
}: Pick<ObjectRecord, 'lastModified' | 'etag' | 'checksum' | 'headers'>): S3Answer {
  const checksumNodes: XmlNode[] =
    checksum === null
      ? []
      : [
          [`Checksum${checksum.algorithm.toUpperCase()}`, checksum.value],
          ['ChecksumType', checksumType(checksum)],
        ];
  const answer = xmlAnswer('CopyObjectResult', [['LastModified', lastModified], ['ETag', etag], ...checksumNodes]);
  return { ...answer, headers: [...answer.headers, ...encryptionHeaders(headers)] };
}
