import { Problem } from '../contract/errors.ts';
import { essence, matchesType } from '../contract/media-type.ts';
import type { CallerLimits } from './caller-limits.ts';
import type { Config } from './config.ts';
import type { Limits } from './slices.ts';

const ANY_TYPE = '*/*';

/** `recordFiles`: those of the record that a caller is limited to. */
type Amount = { sizeBytes: number; files: number; recordFiles?: number | undefined };
type Claim = { sizeBytes: number; contentType: string; documentType: string | null; recordId: string | null };

/** A limit that an upload breaks: the problem's code, the request's field, and a sentence with the limit. */
export type Violation = {
  code: 'file-too-large' | 'content-type-not-allowed' | 'invalid-request';
  path: string;
  message: string;
};

/** The services with the limits that apply to this caller: its sizes and types narrow, its quota replaces. */
export function limitedTo<Services extends { config: Pick<Config, 'limits'> }>(
  services: Services,
  { limits: caller }: { limits?: CallerLimits | undefined },
): Services {
  if (caller === undefined) return services;
  const { config } = services;
  const { bytes, files } = config.limits.quota;
  const { recordId, maxFiles, quotaFiles = files } = caller;
  const isOfRecord = recordId !== undefined && maxFiles !== undefined;
  const quota = {
    bytes: caller.quotaBytes ?? bytes,
    files: isOfRecord || maxFiles === undefined ? quotaFiles : Math.min(maxFiles, quotaFiles ?? maxFiles),
    ...(isOfRecord && { recordFiles: maxFiles }),
  };
  return { ...services, config: { ...config, limits: { ...config.limits, quota, caller } } };
}

/** Checks an upload against the general limits, those of its document type, and those of the caller. */
export function findViolations(limits: Limits, claim: Claim): Violation[] {
  const { sizeBytes, contentType, documentType } = claim;
  const violations = [...recordViolations(limits, claim.recordId), ...documentTypeViolations(limits, documentType)];
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

/** Whether the caller may upload to this record, or to none: one violation, or an empty list. */
function recordViolations({ caller }: Limits, recordId: string | null): Violation[] {
  if (caller?.recordId === undefined || caller.recordId === recordId) return [];
  return [
    { code: 'invalid-request', path: 'recordId', message: `you may upload to the record ${caller.recordId} only` },
  ];
}

/** Whether the caller may use this document type, or none: one violation, or an empty list. */
export function documentTypeViolations(limits: Limits, documentType: string | null): Violation[] {
  const documentTypes = limits.caller?.documentTypes;
  if (documentTypes === undefined || documentTypes.some((allowed) => allowed === documentType)) return [];
  const message = `you may upload the document types ${documentTypes.join(', ')} only`;
  return [{ code: 'invalid-request', path: 'documentType', message }];
}

/** Whether the limits allow a file of this type. */
export function allowsType(limits: Limits, documentType: string | null, contentType: string): boolean {
  return limitsOf(limits, documentType).every(({ patterns }) => isAmong(patterns, contentType));
}

/** The types, or patterns of types, that the limits allow for this document type. */
export function contentTypesOf(limits: Limits, documentType: string | null): string[] {
  return limitsOf(limits, documentType).reduce<string[]>((types, { patterns }) => overlap(types, patterns), [ANY_TYPE]);
}

/** The maximum size of a file of this document type. */
export function maxBytesOf(limits: Limits, documentType: string | null): number {
  return Math.min(...limitsOf(limits, documentType).map(({ maxBytes }) => maxBytes ?? Number.POSITIVE_INFINITY));
}

/**
 * Checks a user's current usage plus new files against the quota.
 * @returns `quota-exceeded`, naming the limit and the numbers; null if they fit.
 */
export function findExcess(quota: Limits['quota'], used: Amount, more: Amount): Problem | null {
  for (const [limit, has, adds, unit] of [
    [quota.bytes, used.sizeBytes, more.sizeBytes, 'bytes'],
    [quota.files, used.files, more.files, 'files'],
    [quota.recordFiles ?? null, used.recordFiles ?? 0, more.files, 'files of this record'],
  ] as const) {
    if (limit === null || has + adds <= limit) continue;
    return new Problem('quota-exceeded', `you have ${has} of ${limit} ${unit}, and this would be ${adds} more`);
  }
  return null;
}

function limitsOf(limits: Limits, documentType: string | null) {
  const policy = documentType === null ? undefined : limits.uploadPolicies.get(documentType);
  const { caller } = limits;
  return [
    { maxBytes: limits.maxUploadBytes, patterns: limits.allowedContentTypes, scope: '' },
    ...(caller === undefined ? [] : [{ maxBytes: caller.maxBytes, patterns: caller.contentTypes, scope: ' to you' }]),
    { maxBytes: policy?.maxBytes, patterns: policy?.contentTypes, scope: ` for document type ${documentType}` },
  ];
}

/** The narrower one of each two patterns that have types in common. */
function overlap(types: readonly string[], patterns: readonly string[] = [ANY_TYPE]): string[] {
  const narrower = (type: string, pattern: string) => {
    if (matchesType(pattern, type)) return [type];
    return matchesType(type, pattern) ? [pattern] : [];
  };
  return [...new Set(types.flatMap((type) => patterns.flatMap((pattern) => narrower(type, pattern))))];
}

function isAmong(patterns: readonly string[] | undefined, contentType: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matchesType(pattern, contentType));
}
