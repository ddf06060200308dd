import { ACL_HEADERS, requirePrivateAcl } from '../access-control.ts';
import { BODY_HEADERS } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { makeBucket } from '../store/buckets.ts';
import { parseXmlBody } from '../xml-body.ts';

const ENFORCED = 'BucketOwnerEnforced';

/**
 * CreateBucket. A LocationConstraint, if given, must be this region. As on S3, creating an existing bucket answers 200
 * in us-east-1 and BucketAlreadyOwnedByYou elsewhere.
 */
export async function createBucket(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request, [...BODY_HEADERS, ...ACL_HEADERS, 'x-amz-object-ownership']);
  requirePrivateAcl(call.request.headers, 'InvalidBucketAclWithObjectOwnership');
  if ((call.request.headers.get('x-amz-object-ownership') ?? ENFORCED) !== ENFORCED) {
    throw new S3Error('NotImplemented', undefined, { Header: 'x-amz-object-ownership' });
  }
  const constraint = readLocationConstraint(await readSmallBody(call));
  if (constraint !== null && constraint !== call.region) throw new S3Error('IllegalLocationConstraintException');
  const { bucket } = call.request;
  const isNew = await makeBucket(call.store, bucket, call.now);
  if (!isNew && call.region !== 'us-east-1')
    throw new S3Error('BucketAlreadyOwnedByYou', undefined, { BucketName: bucket });
  return { status: 200, headers: [['location', `/${bucket}`]] };
}

function readLocationConstraint(body: Buffer): string | null {
  if (body.length === 0) return null;
  const { name, children } = parseXmlBody(body);
  if (name !== 'CreateBucketConfiguration') throw new S3Error('MalformedXML');
  return children.find((child) => child.name === 'LocationConstraint')?.text ?? null;
}
