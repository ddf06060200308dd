import { S3Error } from '../s3-error.ts';

type Condition = { operator: 'eq' | 'starts-with'; field: string; value: string; source: unknown };

export type PostPolicy = {
  /** Milliseconds since the epoch. */
  expiresAt: number;
  conditions: Condition[];
  /** Allowed sizes of the file in bytes, both ends included. */
  sizes: { min: number; max: number }[];
};

/** Fields that need no condition, like those that begin with `x-ignore-`. */
const EXEMPT_FIELDS = ['x-amz-signature', 'file', 'policy'];

/**
 * Reads a policy: the S3 reference, "Browser-Based Uploads Using POST", "POST Policy". Throws InvalidPolicyDocument.
 */
export function parsePolicy(base64: string): PostPolicy {
  const document = parseJson(base64);
  if (!isObject(document)) throw invalid('Invalid JSON.');
  const { expiration, conditions } = document;
  if (typeof expiration !== 'string') throw invalid('Policy missing expiration.');
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z$/.test(expiration)) {
    throw invalid(`Invalid 'expiration' value: '${expiration}'`);
  }
  const expiresAt = Date.parse(expiration);
  if (Number.isNaN(expiresAt)) throw invalid(`Invalid 'expiration' value: '${expiration}'`);
  if (!Array.isArray(conditions)) throw invalid('Policy missing conditions.');
  const policy: PostPolicy = { expiresAt, conditions: [], sizes: [] };
  for (const condition of conditions) {
    if (Array.isArray(condition) && String(condition[0]).toLowerCase() === 'content-length-range')
      policy.sizes.push(readSizes(condition));
    else policy.conditions.push(Array.isArray(condition) ? readArray(condition) : readObject(condition));
  }
  return policy;
}

/**
 * Throws AccessDenied if the policy has expired, one of its conditions fails, or a field has no condition. `fields` are
 * by lower-case name, with variables replaced, and include `bucket`.
 */
export function requirePolicy(policy: PostPolicy, fields: ReadonlyMap<string, string>, now: Date): void {
  if (now.getTime() >= policy.expiresAt) throw refused('Policy expired.');
  for (const condition of policy.conditions) {
    if (!holds(condition, fields.get(condition.field) ?? '')) {
      throw refused(`Policy Condition failed: ${JSON.stringify(condition.source)}`);
    }
  }
  const named = new Set(['bucket', ...EXEMPT_FIELDS, ...policy.conditions.map(({ field }) => field)]);
  const extra = [...fields.keys()].filter((name) => !named.has(name) && !name.startsWith('x-ignore-'));
  if (extra.length > 0) throw refused(`Extra input fields: ${extra.join(', ')}`);
}

function holds({ operator, field, value }: Condition, given: string): boolean {
  if (operator === 'eq') return given === value;
  // In a list of content types, each one must match.
  const items = field === 'content-type' ? given.split(',').map((item) => item.trim()) : [given];
  return items.every((item) => item.startsWith(value));
}

function readArray(condition: readonly unknown[]): Condition {
  const [name, field, value, ...others] = condition;
  const operator = String(name).toLowerCase();
  if (operator !== 'eq' && operator !== 'starts-with') {
    throw invalid(`Invalid Condition: ${JSON.stringify(condition)}`);
  }
  const isValid = typeof field === 'string' && /^\$./s.test(field) && typeof value === 'string' && others.length === 0;
  if (!isValid) throw invalid(`Invalid Condition: ${JSON.stringify(condition)}`);
  return { operator, field: field.slice(1).toLowerCase(), value, source: condition };
}

function readObject(condition: unknown): Condition {
  const [entry, ...others] = isObject(condition) ? Object.entries(condition) : [];
  if (entry === undefined || others.length > 0) {
    throw invalid('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.');
  }
  const [field, value] = entry;
  if (typeof value !== 'string') throw invalid('Invalid Simple-Condition: value must be a string.');
  return { operator: 'eq', field: field.toLowerCase(), value, source: ['eq', `$${field}`, value] };
}

function readSizes(condition: readonly unknown[]): { min: number; max: number } {
  const [, min, max, ...others] = condition;
  const isRange = [min, max].every((bound) => /^[0-9]{1,15}$/.test(String(bound)));
  if (!isRange || others.length > 0) throw invalid(`Invalid content-length-range: ${JSON.stringify(condition)}`);
  return { min: Number(min), max: Number(max) };
}

function parseJson(base64: string): unknown {
  const text = base64.replace(/[\r\n]/g, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw invalid('Invalid Base64 Encoding.');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('Invalid JSON.');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string): S3Error {
  return new S3Error('InvalidPolicyDocument', `Invalid Policy: ${reason}`);
}

function refused(reason: string): S3Error {
  return new S3Error('AccessDenied', `Invalid according to Policy: ${reason}`);
}
