import type { LifecycleRule } from '@aws-sdk/client-s3';

/** By this ID our rule is known among those of others. */
const RULE_ID = 'signpost-abort-incomplete-uploads';

/** How long an upload in parts may take, with all its breaks. */
const ABORT_AFTER_DAYS = 7;

/**
 * The rules with one that ends multipart uploads nobody finished (S3 User Guide, "Configuring a bucket lifecycle
 * configuration to delete incomplete multipart uploads"); as they are, where another rule does that already.
 */
export function withLifecycleRule(rules: readonly LifecycleRule[], keyPrefix: string): LifecycleRule[] {
  const others = rules.filter((rule) => rule.ID !== RULE_ID);
  if (others.some((rule) => endsUnfinishedUploads(rule, keyPrefix))) return [...rules];
  // S3 refuses a configuration that has both spellings of the prefix.
  const isOldSpelling = others.some((rule) => rule.Prefix !== undefined);
  const own: LifecycleRule = {
    ID: RULE_ID,
    Status: 'Enabled',
    ...(isOldSpelling ? { Prefix: keyPrefix } : { Filter: { Prefix: keyPrefix } }),
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: ABORT_AFTER_DAYS },
  };
  return [...others, own];
}

/** Whether a rule ends unfinished uploads under every key of ours. */
function endsUnfinishedUploads(rule: LifecycleRule, keyPrefix: string): boolean {
  const { Prefix: prefix = '', ...conditions } = { Prefix: rule.Prefix, ...rule.Filter };
  return (
    rule.Status === 'Enabled' &&
    rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation !== undefined &&
    Object.values(conditions).every((condition) => condition === undefined) &&
    keyPrefix.startsWith(prefix)
  );
}

/** One line that is the same for equal rules, whichever way a store spells their prefix. */
export function describeLifecycleRule({ ID, Status, Prefix, Filter, ...actions }: LifecycleRule): string {
  const { Prefix: prefix = Prefix ?? '', ...conditions } = Filter ?? {};
  return `${ID ?? 'without an ID'} (${Status}): keys in "${prefix}" ${JSON.stringify({ ...conditions, ...actions })}`;
}
