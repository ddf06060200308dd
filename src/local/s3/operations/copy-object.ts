import { readAlgorithm } from '../checksums/multipart-checksum.ts';
import { copyBytes } from '../copy-bytes.ts';
import { COPY_SOURCE_HEADERS, describeCopy, readCopySource } from '../copy-source.ts';
import { KEY_HEADERS, keepKey, keyHeaders, readCustomerKey } from '../encryption/key-of-request.ts';
import { encryptionHeaders, OBJECT_HEADERS, readObjectHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { readUploadCondition, requireWriteCondition } from '../preconditions.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import type { S3Request } from '../s3-request.ts';
import { commitObject } from '../store/commit-object.ts';
import type { ObjectRecord } from '../store/object-record.ts';
import { readRecord } from '../store/objects.ts';
import { readTagHeader } from '../tags.ts';
import { versionHeaders } from '../version-headers.ts';

const KNOWN_HEADERS = [
  ...COPY_SOURCE_HEADERS,
  ...OBJECT_HEADERS,
  ...KEY_HEADERS,
  'x-amz-metadata-directive',
  'x-amz-tagging-directive',
  'x-amz-checksum-algorithm',
];

/**
 * CopyObject, at most 5 GiB: headers and tags are the source's, or with REPLACE the request's. The bytes are read and
 * written again, so the ETag is always their MD5 and a checksum is of the whole object. Conditions on the destination
 * as in PutObject.
 */
export async function copyObject(call: S3Call): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket, key } = request;
  refuseUnknownHeaders(request, KNOWN_HEADERS);
  const from = readCopySource(request);
  const ownHeaders = readObjectHeaders(request);
  const customerKey = readCustomerKey(request.headers);
  const ownTags = readTagHeader(request.headers);
  const replacesHeaders = readDirective(request, 'metadata');
  const replacesTags = readDirective(request, 'tagging');
  const condition = readUploadCondition(request.headers);
  const ownAlgorithm = readAlgorithm(request);
  await readSmallBody(call);
  if (
    from.bucket === bucket &&
    from.key === key &&
    from.versionId === null &&
    !replacesHeaders &&
    customerKey === null
  ) {
    throw new S3Error(
      'InvalidRequest',
      'This copy request is illegal because it is trying to copy an object to itself without changing the ' +
        "object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  requireWriteCondition(condition, await readRecord(store, bucket, key));

  const choose = ({ sizeBytes, checksum }: ObjectRecord) => ({
    range: { start: 0, end: sizeBytes - 1 },
    algorithm: ownAlgorithm ?? checksum?.algorithm ?? null,
  });
  return copyBytes(call, from, customerKey, choose, async ({ source, upload, sizeBytes, etag, checksum }) => {
    const headers = replacesHeaders ? ownHeaders : [...keptHeaders(source), ...encryptionHeaders(ownHeaders)];
    const tags = replacesTags ? ownTags : source.tags;
    const lastModified = now.toISOString();
    const record = { key, sizeBytes, etag, lastModified, headers, checksum, tags, ...keepKey(customerKey) };
    const { versionId } = await commitObject(store, bucket, upload, record, condition);
    const answer = await describeCopy(call, 'CopyObjectResult', { from, source, lastModified, etag, checksum });
    const described = [
      ...encryptionHeaders(headers),
      ...keyHeaders(customerKey),
      ...(await versionHeaders(call, versionId)),
    ];
    return { ...answer, headers: [...answer.headers, ...described] };
  });
}

/** The source's headers, without its encryption, which depends only on the request. */
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
