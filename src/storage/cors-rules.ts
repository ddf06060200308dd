import type { CORSRule } from '@aws-sdk/client-s3';

/** By this ID our rule is known among those of others. */
const RULE_ID = 'signpost';

/**
 * Lets browsers from these origins upload to the bucket and read what they need of its answers (S3 User Guide,
 * "Elements of a CORS configuration").
 */
export function corsRule(allowedOrigins: readonly string[]): CORSRule {
  return {
    ID: RULE_ID,
    AllowedOrigins: [...allowedOrigins],
    // DELETE: Uppy 6 aborts uploads in parts itself, by a signed request.
    AllowedMethods: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'],
    AllowedHeaders: ['*'],
    // Browsers hide every other header from the page; Uppy 5 looks for Location.
    ExposeHeaders: ['ETag', 'Location', 'Content-Range', 'x-amz-version-id', 'x-amz-checksum-sha256'],
    MaxAgeSeconds: 600,
  };
}

/** The rules with ours in front: S3 answers by the first that fits, and another one may not expose `ETag`. */
export function withCorsRule(rules: readonly CORSRule[], allowedOrigins: readonly string[]): CORSRule[] {
  const own = corsRule(allowedOrigins);
  // A store may keep no IDs: then the rule is known by what it says.
  const isOwn = (rule: CORSRule) => rule.ID === RULE_ID || describeCorsRule(rule) === describeCorsRule(own);
  return [own, ...rules.filter((rule) => !isOwn(rule))];
}

/** One line that is the same for rules that allow the same, in whatever order a store lists it. */
export function describeCorsRule(rule: CORSRule): string {
  const list = (values: readonly string[] | undefined) => [...(values ?? [])].sort().join(' ') || 'none';
  return [
    `origins ${list(rule.AllowedOrigins)}`,
    `methods ${list(rule.AllowedMethods)}`,
    `headers ${list(rule.AllowedHeaders)}`,
    `exposed ${list(rule.ExposeHeaders)}`,
    `for ${rule.MaxAgeSeconds ?? 0} s`,
  ].join('; ');
}
