import { type UserId, userPrefix } from '../contract/object-key.ts';

/** AWS STS API Reference, "AssumeRole": a session policy has at most 2,048 characters. */
const MAX_POLICY_LENGTH = 2_048;

/** What a session may do besides listing: read, or put and remove. */
export type SessionRights = { mayRead: boolean; mayWrite: boolean };

/**
 * The session policy of temporary credentials (IAM User Guide, "Session policies"): it narrows a role to the keys under
 * one user's prefix. Whatever it does not name is refused, such as versions, tags, ACLs and all of the bucket's
 * settings.
 *
 * The user's segment in a key has no character with a meaning in a policy (`*`, `?`, `$`, quotes): `userSegment`
 * encodes every other id.
 *
 * Keys of the service's uploads (with a UUIDv7 as the fourth segment) can be read, but not written. So a confirmed file
 * keeps the bytes that were verified.
 * @param partition the first part of the role's ARN: `aws`, `aws-cn`, `aws-us-gov`.
 * @returns null if the policy would be too long, because of a long user id.
 */
export function sessionPolicy(
  { bucket, keyPrefix, partition }: { bucket: string; keyPrefix: string; partition: string },
  userId: UserId,
  { mayRead, mayWrite }: SessionRights,
): string | null {
  const arn = `arn:${partition}:s3:::${bucket}`;
  const prefix = userPrefix(keyPrefix, userId);
  const uploads = `${arn}/${prefix}*/*/????????-????-7???-????-????????????/*`;
  const text = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      allow(['s3:ListBucket'], arn, { StringLike: { 's3:prefix': `${prefix}*` } }),
      ...(mayRead ? [allow(['s3:GetObject'], `${arn}/${prefix}*`)] : []),
      ...(mayWrite
        ? [allow(WRITES, `${arn}/${prefix}*`), { Effect: 'Deny', Action: WRITES.slice(0, 2), Resource: uploads }]
        : []),
    ],
  });
  return text.length <= MAX_POLICY_LENGTH ? text : null;
}

const WRITES = ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

function allow(Action: readonly string[], Resource: string, Condition?: object) {
  return { Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) };
}
