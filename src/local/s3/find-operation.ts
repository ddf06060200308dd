import { requireKeyLength } from './key-length.ts';
import { abortMultipartUpload } from './operations/abort-multipart-upload.ts';
import { completeMultipartUpload } from './operations/complete-multipart-upload.ts';
import { copyObject } from './operations/copy-object.ts';
import { createBucket } from './operations/create-bucket.ts';
import { createMultipartUpload } from './operations/create-multipart-upload.ts';
import { deleteBucket } from './operations/delete-bucket.ts';
import { deleteBucketSetting } from './operations/delete-bucket-setting.ts';
import { deleteObject } from './operations/delete-object.ts';
import { deleteObjectTagging } from './operations/delete-object-tagging.ts';
import { deleteObjects } from './operations/delete-objects.ts';
import { getAcl } from './operations/get-acl.ts';
import { getBucketCors } from './operations/get-bucket-cors.ts';
import { getBucketLifecycle } from './operations/get-bucket-lifecycle.ts';
import { getBucketLocation } from './operations/get-bucket-location.ts';
import { getBucketPolicy } from './operations/get-bucket-policy.ts';
import { getBucketVersioning } from './operations/get-bucket-versioning.ts';
import { getObject } from './operations/get-object.ts';
import { getObjectAttributes } from './operations/get-object-attributes.ts';
import { getObjectTagging } from './operations/get-object-tagging.ts';
import { headBucket } from './operations/head-bucket.ts';
import { headObject } from './operations/head-object.ts';
import { listBuckets } from './operations/list-buckets.ts';
import { listMultipartUploads } from './operations/list-multipart-uploads.ts';
import { listObjectVersions } from './operations/list-object-versions.ts';
import { listObjects } from './operations/list-objects.ts';
import { listObjectsV2 } from './operations/list-objects-v2.ts';
import { listParts } from './operations/list-parts.ts';
import { putAcl } from './operations/put-acl.ts';
import { putBucketCors } from './operations/put-bucket-cors.ts';
import { putBucketLifecycle } from './operations/put-bucket-lifecycle.ts';
import { putBucketPolicy } from './operations/put-bucket-policy.ts';
import { putBucketVersioning } from './operations/put-bucket-versioning.ts';
import { putObject } from './operations/put-object.ts';
import { putObjectTagging } from './operations/put-object-tagging.ts';
import { uploadPart } from './operations/upload-part.ts';
import { uploadPartCopy } from './operations/upload-part-copy.ts';
import type { S3Operation } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';
import { SUBRESOURCES } from './subresources.ts';

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];

/**
 * The key: method, addressed resource, sub-resources in alphabetical order, each after a `?`, and whether it copies.
 */
const OPERATIONS = new Map<string, S3Operation>([
  ['GET service', listBuckets],
  ['PUT bucket', createBucket],
  ['DELETE bucket', deleteBucket],
  ['GET bucket?location', getBucketLocation],
  ['GET bucket?acl', getAcl],
  ['PUT bucket?acl', putAcl],
  ['HEAD bucket', headBucket],
  ['PUT bucket?cors', putBucketCors],
  ['GET bucket?cors', getBucketCors],
  ['DELETE bucket?cors', deleteBucketSetting('cors')],
  ['GET bucket?versioning', getBucketVersioning],
  ['PUT bucket?versioning', putBucketVersioning],
  ['GET bucket?versions', listObjectVersions],
  ['PUT bucket?lifecycle', putBucketLifecycle],
  ['GET bucket?lifecycle', getBucketLifecycle],
  ['DELETE bucket?lifecycle', deleteBucketSetting('lifecycle')],
  ['PUT bucket?policy', putBucketPolicy],
  ['GET bucket?policy', getBucketPolicy],
  ['DELETE bucket?policy', deleteBucketSetting('policy')],
  ['PUT object', putObject],
  ['PUT object from copy-source', copyObject],
  ['GET object', getObject],
  ['GET object?partNumber', getObject],
  ['GET object?partNumber?versionId', getObject],
  ['HEAD object?partNumber', headObject],
  ['HEAD object?partNumber?versionId', headObject],
  ['GET object?attributes', getObjectAttributes],
  ['GET object?attributes?versionId', getObjectAttributes],
  ['GET object?versionId', getObject],
  ['HEAD object', headObject],
  ['HEAD object?versionId', headObject],
  ['DELETE object', deleteObject],
  ['DELETE object?versionId', deleteObject],
  ['GET bucket', listObjects],
  ['GET bucket?list-type', listObjectsV2],
  ['GET object?acl', getAcl],
  ['PUT object?acl', putAcl],
  ['POST bucket?delete', deleteObjects],
  ['GET object?tagging', getObjectTagging],
  ['GET object?tagging?versionId', getObjectTagging],
  ['PUT object?tagging', putObjectTagging],
  ['PUT object?tagging?versionId', putObjectTagging],
  ['DELETE object?tagging', deleteObjectTagging],
  ['DELETE object?tagging?versionId', deleteObjectTagging],
  ['GET bucket?uploads', listMultipartUploads],
  ['POST object?uploads', createMultipartUpload],
  ['PUT object?partNumber?uploadId', uploadPart],
  ['PUT object?partNumber?uploadId from copy-source', uploadPartCopy],
  ['GET object?uploadId', listParts],
  ['POST object?uploadId', completeMultipartUpload],
  ['DELETE object?uploadId', abortMultipartUpload],
]);

/**
 * The operation that a request asks for. Throws MethodNotAllowed for a method that S3 does not support there,
 * NotImplemented for an operation that this store lacks, InvalidBucketName and KeyTooLongError (1,024 bytes of UTF-8).
 */
export function findOperation(request: S3Request): S3Operation {
  const { method, bucket, key } = request;
  requireKeyLength(key);
  if (bucket === '' && key !== '') throw new S3Error('InvalidBucketName');
  const subresources = request.query
    .map(([name]) => name)
    .filter((name) => SUBRESOURCES.includes(name))
    .sort();
  const addressed = addressedBy(request);
  const isCopy = method === 'PUT' && addressed === 'object' && request.headers.has('x-amz-copy-source');
  const name = [`${method} ${addressed}`, ...subresources].join('?');
  const operation = OPERATIONS.get(isCopy ? `${name} from copy-source` : name);
  if (operation !== undefined) return operation;
  const isAction =
    addressed === 'service'
      ? method === 'GET'
      : METHODS.includes(method) && !(method === 'POST' && addressed === 'object' && subresources.length === 0);
  throw new S3Error(isAction ? 'NotImplemented' : 'MethodNotAllowed', undefined, { Method: method });
}

function addressedBy({ bucket, key }: S3Request): 'service' | 'bucket' | 'object' {
  if (bucket === '') return 'service';
  return key === '' ? 'bucket' : 'object';
}
