import { OWNER_ID, OWNER_NODES } from './owner.ts';
import type { S3Answer } from './s3-call.ts';
import { S3Error, type S3ErrorCode } from './s3-error.ts';
import { childText, parseXmlBody, renderNode } from './xml-body.ts';

const PRIVATE_ACLS = ['private', 'bucket-owner-full-control', 'bucket-owner-read'];
const OTHER_ACLS = ['public-read', 'public-read-write', 'authenticated-read', 'aws-exec-read', 'log-delivery-write'];

/** The request headers that this module reads. */
export const ACL_HEADERS: readonly string[] = [
  'x-amz-acl',
  ...['full-control', 'read', 'read-acp', 'write', 'write-acp'].map((grant) => `x-amz-grant-${grant}`),
];

/**
 * As on S3 since April 2023, ownership is "bucket owner enforced" and access control lists grant nothing: S3 user
 * guide, "Controlling ownership of objects and disabling ACLs for your bucket". Canned lists that grant access only to
 * the owner are accepted; others are refused with `refusal` (AccessControlListNotSupported for objects), unknown ones
 * with InvalidArgument.
 */
export function requirePrivateAcl(
  headers: ReadonlyMap<string, string>,
  refusal: S3ErrorCode = 'AccessControlListNotSupported',
): void {
  const acl = headers.get('x-amz-acl');
  const hasGrants = ACL_HEADERS.some((name) => name !== 'x-amz-acl' && headers.has(name));
  if (hasGrants || (acl !== undefined && OTHER_ACLS.includes(acl))) throw new S3Error(refusal);
  if (acl === undefined || PRIVATE_ACLS.includes(acl)) return;
  throw new S3Error('InvalidArgument', undefined, { ArgumentName: 'x-amz-acl', ArgumentValue: acl });
}

/**
 * Accepts the list that `describeAcl` returns, which s3cmd sends back for each copy it makes. Throws
 * AccessControlListNotSupported for one that grants anything to others, and MalformedXML.
 */
export function requireOwnersAcl(body: Buffer): void {
  const policy = parseXmlBody(body);
  const grants = policy.children.find(({ name }) => name === 'AccessControlList')?.children ?? [];
  const isOwners = grants.every((grant) => {
    const grantee = grant.children.find(({ name }) => name === 'Grantee');
    const id = grantee === undefined ? null : childText(grantee, 'ID');
    return id?.trim() === OWNER_ID && childText(grant, 'Permission')?.trim() === 'FULL_CONTROL';
  });
  if (policy.name === 'AccessControlPolicy' && grants.length > 0 && isOwners) return;
  throw new S3Error('AccessControlListNotSupported');
}

/** The list of every bucket and object: full control for the owner. */
export function describeAcl(): S3Answer {
  const owner = OWNER_NODES.map(renderNode).join('');
  const instance = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';
  const grantee = `<Grantee ${instance} xsi:type="CanonicalUser">${owner}</Grantee>`;
  const list = `<AccessControlList><Grant>${grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>`;
  const body =
    '<?xml version="1.0" encoding="UTF-8"?>\n<AccessControlPolicy ' +
    `xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner>${owner}</Owner>${list}</AccessControlPolicy>`;
  return { status: 200, headers: [['content-type', 'application/xml']], body: Buffer.from(body) };
}
