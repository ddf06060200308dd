import type { CorsRule } from './cors-rules.ts';
import type { S3Answer } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';
import { readSetting } from './store/buckets.ts';
import type { Store } from './store/store.ts';

/**
 * Answers a CORS preflight: the S3 reference, "OPTIONS object". Throws BadRequest without `Origin` or
 * `Access-Control-Request-Method`, AccessForbidden when no rule allows the request.
 */
export async function answerPreflight(store: Store, request: S3Request): Promise<S3Answer> {
  const origin = request.headers.get('origin');
  const method = request.headers.get('access-control-request-method');
  if (origin === undefined) {
    throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.');
  }
  if (method === undefined) throw new S3Error('BadRequest', 'Invalid Access-Control-Request-Method: null');
  const setting = await readSetting(store, request.bucket, 'cors');
  if (setting === null) {
    throw new S3Error('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.');
  }
  const requested = (request.headers.get('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const rule = findRule(JSON.parse(setting), origin, method, requested);
  if (rule === undefined) {
    throw new S3Error(
      'AccessForbidden',
      'CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, ' +
        'request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by ' +
        "the resource's CORS spec.",
    );
  }
  const headers = ruleHeaders(rule, origin);
  if (requested.length > 0) headers.push(['access-control-allow-headers', requested.join(', ')]);
  return { status: 200, headers };
}

/**
 * The CORS headers of an actual request, for its answer and its errors alike; none without `Origin`, without a matching
 * rule, or without such a bucket.
 */
export async function corsHeaders(store: Store, request: S3Request): Promise<[string, string][]> {
  const origin = request.headers.get('origin');
  if (origin === undefined || request.bucket === '') return [];
  try {
    const setting = await readSetting(store, request.bucket, 'cors');
    const rule = setting === null ? undefined : findRule(JSON.parse(setting), origin, request.method, []);
    return rule === undefined ? [] : ruleHeaders(rule, origin);
  } catch (error) {
    // The bucket is missing or its name invalid; the operation reports that.
    if (error instanceof S3Error) return [];
    throw error;
  }
}

function findRule(
  rules: readonly CorsRule[],
  origin: string,
  method: string,
  headers: readonly string[],
): CorsRule | undefined {
  return rules.find(
    (rule) =>
      rule.allowedOrigins.some((pattern) => matches(pattern, origin)) &&
      rule.allowedMethods.includes(method) &&
      headers.every((header) => rule.allowedHeaders.some((pattern) => matches(pattern.toLowerCase(), header))),
  );
}

function ruleHeaders(rule: CorsRule, origin: string): [string, string][] {
  const headers: [string, string][] = rule.allowedOrigins.includes('*')
    ? [['access-control-allow-origin', '*']]
    : [
        ['access-control-allow-origin', origin],
        ['access-control-allow-credentials', 'true'],
      ];
  headers.push(['access-control-allow-methods', rule.allowedMethods.join(', ')]);
  if (rule.exposeHeaders.length > 0) headers.push(['access-control-expose-headers', rule.exposeHeaders.join(', ')]);
  if (rule.maxAgeSeconds !== null) headers.push(['access-control-max-age', String(rule.maxAgeSeconds)]);
  headers.push(['vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method']);
  return headers;
}

function matches(pattern: string, value: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern === value;
  const head = pattern.slice(0, star);
  const tail = pattern.slice(star + 1);
  return value.length >= head.length + tail.length && value.startsWith(head) && value.endsWith(tail);
}
