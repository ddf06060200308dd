import type { LifecycleRule } from '@aws-sdk/client-s3';

/** The ID of this service's rule. */
const RULE_ID = 'signpost-abort-incomplete-uploads';

/** How long a multipart upload may take, including all pauses. */
const ABORT_AFTER_DAYS = 7;

/**
 * Adds a rule that aborts unfinished multipart uploads (S3 User Guide, "Configuring a bucket lifecycle configuration to
 * delete incomplete multipart uploads"). Returns the rules unchanged if another rule already does that.
 */
export function withLifecycleRule(rules: readonly LifecycleRule[], keyPrefix: string): LifecycleRule[] {
  const others = rules.filter((rule) => rule.ID !== RULE_ID);
  if (others.some((rule) => abortsUnfinishedUploads(rule, keyPrefix))) return [...rules];
  // S3 refuses a configuration that mixes both spellings of the prefix.
  const isOldSpelling = others.some((rule) => rule.Prefix !== undefined);
  const own: LifecycleRule = {
    ID: RULE_ID,
    Status: 'Enabled',
    ...(isOldSpelling ? { Prefix: keyPrefix } : { Filter: { Prefix: keyPrefix } }),
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: ABORT_AFTER_DAYS },
  };
  return [...others, own];
}

/** Whether a rule aborts unfinished uploads under every key of this service. */
function abortsUnfinishedUploads(rule: LifecycleRule, keyPrefix: string): boolean {
  const { Prefix: prefix = '', ...conditions } = { Prefix: rule.Prefix, ...rule.Filter };
  return (
    rule.Status === 'Enabled' &&
    rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation !== undefined &&
    Object.values(conditions).every((condition) => condition === undefined) &&
    keyPrefix.startsWith(prefix)
  );
}

/** The same line for equal rules, however the store writes their prefix. */
export function describeLifecycleRule({ ID, Status, Prefix, Filter, ...actions }: LifecycleRule): string {
  const { Prefix: prefix = Prefix ?? '', ...conditions } = Filter ?? {};
  return `${ID ?? 'without an ID'} (${Status}): keys in "${prefix}" ${JSON.stringify({ ...conditions, ...actions })}`;
}
