import { SignpostError } from '../signpost-error.ts';
import type { Limits } from '../stored-file.ts';

type Claim = {
  /** Bytes. */
  size: number;
  contentType: string;
  recordId?: string | undefined;
  documentType?: string | undefined;
};

/** Parts of types that the service may know under a name of another kind: `application/csv`, `text/xml`. */
const OTHER_KIND =
  /asf|rtf|richtext|xml|json|csv|comma-|postscript|eps|real|octet-stream|acad|dwg|regedit|markdown|vcard|calendar/;

/**
 * The error with which the service would refuse a file; null if it may accept it. Sizes and the quota are checked as
 * the service does. A type is refused only if that is certain, since types have many names.
 */
export function checkLimits(limits: Limits, claim: Claim): SignpostError | null {
  const { maxBytes, contentTypes, recordId, documentTypes } = limits;
  const { size, contentType, documentType } = claim;
  const violations = [
    ...(recordId === undefined || recordId === claim.recordId
      ? []
      : [violation('invalid-request', 400, 'recordId', `must be ${recordId}`)]),
    ...(documentTypes === undefined || documentTypes.some((allowed) => allowed === documentType)
      ? []
      : [violation('invalid-request', 400, 'documentType', `must be one of ${documentTypes.join(', ')}`)]),
    ...(size <= maxBytes
      ? []
      : [violation('file-too-large', 413, 'size', `the file has ${size} bytes; at most ${maxBytes} are allowed`)]),
    ...(isPerhapsAllowed(contentTypes, contentType)
      ? []
      : [
          violation(
            ...(['content-type-not-allowed', 415, 'contentType'] as const),
            `${contentType} is not allowed; allowed: ${contentTypes.join(', ')}`,
          ),
        ]),
  ];
  const [first] = violations;
  if (first === undefined) return findExcess(limits.quota, size);
  const { code, status, message: detail } = first;
  const errors = violations.map(({ path, message }) => ({ path, message }));
  return new SignpostError({ code, status, detail, errors, retryable: false });
}

const violation = (code: string, status: number, path: string, message: string) => ({ code, status, path, message });

function findExcess(quota: Limits['quota'], size: number): SignpostError | null {
  for (const [limit, used, more, unit] of [
    [quota.bytes, quota.usedBytes, size, 'bytes'],
    [quota.files, quota.usedFiles, 1, 'files'],
    [quota.recordFiles ?? null, quota.usedRecordFiles ?? null, 1, 'files of this record'],
  ] as const) {
    if (limit === null || used === null || used + more <= limit) continue;
    const detail = `you have ${used} of ${limit} ${unit}, and this would be ${more} more`;
    return new SignpostError({ code: 'quota-exceeded', status: 403, detail, retryable: false });
  }
  return null;
}

const kindOf = (type: string) => type.slice(0, type.indexOf('/') + 1).toLowerCase();

function isPerhapsAllowed(patterns: readonly string[], contentType: string): boolean {
  const kind = kindOf(contentType);
  return OTHER_KIND.test(contentType) || patterns.some((pattern) => ['*/', kind].includes(kindOf(pattern)));
}
