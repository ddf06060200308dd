import type { CORSRule } from '@aws-sdk/client-s3';

/** By this ID our rule is known among those of others. */
const RULE_ID = 'signpost';
/** DELETE: Uppy 6 aborts uploads in parts itself, by a signed request. */
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];
/** Browsers hide every other header from the page; Uppy 5 looks for Location. */
const NEEDED_HEADERS = ['ETag', 'Location'];

/**
 * Lets browsers from these origins upload to the bucket and read what they need of its answers (S3 User Guide,
 * "Elements of a CORS configuration").
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
 * The rules as they should be: as they are, where the ones made by hand do for every origin; else ours in front, for S3
 * answers by the first that fits, and another one may not expose `ETag`.
 */
export function withCorsRule(rules: readonly CORSRule[], allowedOrigins: readonly string[]): CORSRule[] {
  const own = corsRule(allowedOrigins);
  // A store may keep no IDs: then the rule is known by what it says.
  const isOwn = (rule: CORSRule) => rule.ID === RULE_ID || describeCorsRule(rule) === describeCorsRule(own);
  if (!rules.some(isOwn) && allowedOrigins.every((origin) => isServed(rules, origin))) return [...rules];
  return [own, ...rules.filter((rule) => !isOwn(rule))];
}

/** Whether the first rule that lets this origin (or pattern of them) in allows what an upload needs. */
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

/** Whether every origin that `origin` may stand for fits the pattern; in both one `*` may stand for any characters. */
function covers(pattern: string, origin: string): boolean {
  const [head = '', tail] = pattern.split('*');
  if (tail === undefined) return pattern === origin;
  return origin.length >= head.length + tail.length && origin.startsWith(head) && origin.endsWith(tail);
}

function overlap(a: string, b: string): boolean {
  return covers(a, b) || covers(b, a);
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
