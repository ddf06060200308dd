import { type Check, fail, ok } from './check.ts';

/** The bucket's answer; `code` is the S3 error code, empty if there is none. */
export type BucketAnswer = { status: number; ok: boolean; code: string; headers: Headers; text: string };

/** The fix for a store that accepts what it should refuse. */
export const NOT_CHECKED = 'another store: this one does not check what is signed';

/** A request that the bucket should refuse: with a 4xx, or with 501 for a header it does not support. */
export function refused(name: string, answer: BucketAnswer): Check {
  const isRefused = (answer.status >= 400 && answer.status < 500) || answer.status === 501;
  if (isRefused) return ok(name, `refused (${describe(answer)})`);
  return fail(name, `not refused (${describe(answer)})`, answer.ok ? NOT_CHECKED : undefined);
}

/** The status of the bucket's answer, and its error code if there is one. */
export function describe({ status, code }: BucketAnswer): string {
  return `${status} ${code}`.trim();
}

const REMEDIES: Record<string, string> = {
  SignatureDoesNotMatch: 'AWS_SECRET_ACCESS_KEY; or, behind a proxy, S3_PUBLIC_ENDPOINT: the Host that the store sees',
  InvalidAccessKeyId: 'AWS_ACCESS_KEY_ID',
  InvalidToken: 'AWS_SESSION_TOKEN',
  ExpiredToken: 'new credentials: these have expired',
  RequestTimeTooSkewed: "the clock of this machine (NTP), or the store's",
  AuthorizationHeaderMalformed: 'AWS_REGION',
  AuthorizationQueryParametersError: 'AWS_REGION',
  PermanentRedirect: 'AWS_REGION: the bucket is in another one',
  TemporaryRedirect: 'AWS_REGION: the bucket is in another one, or was just made',
  NoSuchBucket: 'S3_BUCKET_NAME, or: npm run bucket:setup -- --yes',
  NotFound: 'S3_BUCKET_NAME, or: npm run bucket:setup -- --yes',
};

/**
 * The fix for a refusal, by its S3 code (S3 API Reference, "Error responses").
 * @param bucket its name, and whether it is AWS's.
 * @param actions the IAM actions the request needs.
 */
export function remedyOf(
  code: string,
  { name, isAws }: { name: string; isAws: boolean },
  ...actions: string[]
): string | undefined {
  if (!['AccessDenied', 'AllAccessDisabled'].includes(code)) return REMEDIES[code];
  const isOfBucket = actions.includes('s3:ListBucket');
  const allow = `IAM: allow ${actions.join(', ')} on arn:aws:s3:::${name}${isOfBucket ? '' : '/*'}`;
  return isAws ? allow : `${allow}; or AWS_SECRET_ACCESS_KEY (Ceph gives this answer for a wrong one)`;
}
