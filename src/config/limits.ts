import { Problem } from '../contract/errors.ts';
import { essence, matchesType } from '../contract/media-type.ts';
import type { Limits } from './slices.ts';

type Amount = { sizeBytes: number; files: number };
type Claim = { sizeBytes: number; contentType: string; documentType: string | null };

/** A limit that an upload breaks: the problem's code, the request's field, and a message with the limit. */
export type Violation = {
  code: 'file-too-large' | 'content-type-not-allowed' | 'invalid-request';
  path: string;
  message: string;
};

/** Checks an upload against the general limits and those of its document type. */
export function findViolations(limits: Limits, { sizeBytes, contentType, documentType }: Claim): Violation[] {
  const violations: Violation[] = [];
  for (const { maxBytes, patterns, scope } of limitsOf(limits, documentType)) {
    if (maxBytes !== undefined && sizeBytes > maxBytes) {
      const message = `the file has ${sizeBytes} bytes; at most ${maxBytes} are allowed${scope}`;
      violations.push({ code: 'file-too-large', path: 'size', message });
    }
    if (!isAmong(patterns, contentType)) {
      const message = `${essence(contentType)} is not allowed${scope}; allowed: ${patterns?.join(', ')}`;
      violations.push({ code: 'content-type-not-allowed', path: 'contentType', message });
    }
  }
  return violations;
}

/** Whether the limits allow a file of this type. */
export function allowsType(limits: Limits, documentType: string | null, contentType: string): boolean {
  return limitsOf(limits, documentType).every(({ patterns }) => isAmong(patterns, contentType));
}

/** The maximum size of a file of this document type. */
export function maxBytesOf(limits: Limits, documentType: string | null): number {
  const policy = documentType === null ? undefined : limits.uploadPolicies.get(documentType);
  return Math.min(limits.maxUploadBytes, policy?.maxBytes ?? limits.maxUploadBytes);
}

/**
 * Checks a user's current usage plus new files against the quota.
 * @returns `quota-exceeded`, naming the limit and the numbers; null if they fit.
 */
export function findExcess(quota: Limits['quota'], used: Amount, more: Amount): Problem | null {
  for (const [limit, has, adds, unit] of [
    [quota.bytes, used.sizeBytes, more.sizeBytes, 'bytes'],
    [quota.files, used.files, more.files, 'files'],
  ] as const) {
    if (limit === null || has + adds <= limit) continue;
    return new Problem('quota-exceeded', `you have ${has} of ${limit} ${unit}, and this would be ${adds} more`);
  }
  return null;
}

function limitsOf(limits: Limits, documentType: string | null) {
  const policy = documentType === null ? undefined : limits.uploadPolicies.get(documentType);
  return [
    { maxBytes: limits.maxUploadBytes, patterns: limits.allowedContentTypes, scope: '' },
    { maxBytes: policy?.maxBytes, patterns: policy?.contentTypes, scope: ` for document type ${documentType}` },
  ];
}

function isAmong(patterns: readonly string[] | undefined, contentType: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matchesType(pattern, contentType));
}
