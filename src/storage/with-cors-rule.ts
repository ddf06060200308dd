import type { CORSRule } from '@aws-sdk/client-s3';

/** The ID of this service's rule. */
const RULE_ID = 'signpost';
/** DELETE: Uppy 6 aborts multipart uploads itself, with a signed request. */
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];
/** Browsers hide all other headers from the page; Uppy 5 reads Location. */
const NEEDED_HEADERS = ['ETag', 'Location'];

/**
 * Lets browsers from these origins upload to the bucket and read the answers (S3 User Guide, "Elements of a CORS
 * configuration").
 */
export function corsRule(allowedOrigins: readonly string[]): CORSRule {
  return {
    ID: RULE_ID,
    AllowedOrigins: [...allowedOrigins],
    AllowedMethods: METHODS,
    AllowedHeaders: ['*'],
    ExposeHeaders: [...NEEDED_HEADERS, 'Content-Range', 'x-amz-version-id', 'x-amz-checksum-sha256'],
    MaxAgeSeconds: 600,
  };
}

/**
 * Returns the rules unchanged if they already suffice for every origin. Otherwise puts this service's rule first: S3
 * applies the first rule that matches, and another might not expose `ETag`.
 */
export function withCorsRule(rules: readonly CORSRule[], allowedOrigins: readonly string[]): CORSRule[] {
  const own = corsRule(allowedOrigins);
  // A store may drop IDs; then the rule is recognized by its content.
  const isOwn = (rule: CORSRule) => rule.ID === RULE_ID || describeCorsRule(rule) === describeCorsRule(own);
  if (!rules.some(isOwn) && allowedOrigins.every((origin) => isServed(rules, origin))) return [...rules];
  return [own, ...rules.filter((rule) => !isOwn(rule))];
}

/** Whether the first rule that matches this origin (or pattern) allows what an upload needs. */
function isServed(rules: readonly CORSRule[], origin: string): boolean {
  const first = rules.find(({ AllowedOrigins = [] }) => AllowedOrigins.some((other) => overlap(other, origin)));
  if (first === undefined || !first.AllowedOrigins?.some((other) => covers(other, origin))) return false;
  const exposed = (first.ExposeHeaders ?? []).map((name) => name.toLowerCase());
  return (
    METHODS.every((method) => first.AllowedMethods?.includes(method)) &&
    first.AllowedHeaders?.includes('*') === true &&
    NEEDED_HEADERS.every((name) => exposed.includes(name.toLowerCase()))
  );
}

/** Whether the pattern matches every origin that `origin` matches; both may contain one `*`. */
function covers(pattern: string, origin: string): boolean {
  const [head = '', tail] = pattern.split('*');
  if (tail === undefined) return pattern === origin;
  return origin.length >= head.length + tail.length && origin.startsWith(head) && origin.endsWith(tail);
}

function overlap(a: string, b: string): boolean {
  return covers(a, b) || covers(b, a);
}

/** The same line for rules that allow the same, whatever the order of their lists. */
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
