import { ACL_HEADERS, requireOwnersAcl, requirePrivateAcl } from '../access-control.ts';
import { BODY_HEADERS } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { requireResource } from './get-acl.ts';

/**
 * PutBucketAcl and PutObjectAcl: accept lists that change nothing, and throw AccessControlListNotSupported for others.
 */
export async function putAcl(call: S3Call): Promise<S3Answer> {
  refuseUnknownHeaders(call.request, [...BODY_HEADERS, ...ACL_HEADERS]);
  requirePrivateAcl(call.request.headers);
  const list = await readSmallBody(call);
  if (list.length > 0) requireOwnersAcl(list);
  await requireResource(call);
  return { status: 200, headers: [] };
}
