import { MIN_PART_BYTES } from '../settings.ts';

/** S3 User Guide, "Amazon S3 multipart upload limits". */
export const MAX_PARTS = 10_000;

const MIB = 1024 ** 2;

/**
 * How a file is cut: every part has `partSizeBytes` but the last, which has what is left. With `partChecksums` the
 * bucket takes no part without its SHA-256. Where `isOpen`, the client cuts a file of a size that nobody knows:
 * `sizeBytes` is the most it may have, `partSizeBytes` such that no more parts are needed, and no part has a length of
 * its own.
 */
export type MultipartPlan = { sizeBytes: number; partSizeBytes: number; partChecksums: boolean; isOpen?: true };

/** Parts of the wanted size, or as large as it takes to need no more than 10,000, in whole MiB. */
export function planParts(sizeBytes: number, wantedPartBytes: number, partChecksums = false): MultipartPlan {
  const needed = Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB;
  return { sizeBytes, partSizeBytes: Math.max(wantedPartBytes, needed), partChecksums };
}

/** The plan of a file of unknown size, at most `maxBytes`: as many parts as clients may make of that. */
export function planOpenParts(maxBytes: number): MultipartPlan {
  const partSizeBytes = Math.max(MIN_PART_BYTES, Math.ceil(maxBytes / MAX_PARTS));
  return { sizeBytes: maxBytes, partSizeBytes, partChecksums: false, isOpen: true };
}

/** An empty file has one empty part. */
export function partCount({ sizeBytes, partSizeBytes }: MultipartPlan): number {
  return Math.max(1, Math.ceil(sizeBytes / partSizeBytes));
}

/** The exact length of a part, or null for a number the file does not reach. */
export function partLength(plan: MultipartPlan, partNumber: number): number | null {
  if (partNumber < 1 || partNumber > partCount(plan)) return null;
  return Math.min(plan.partSizeBytes, plan.sizeBytes - (partNumber - 1) * plan.partSizeBytes);
}

/**
 * The upload id that clients get: the bucket's own with the plan in front, since nothing in the bucket tells the size
 * of an upload that is not complete, and signing keeps no state. Who changes the plan gains nothing: the size is held
 * against the limits whenever parts are signed, and against the signed metadata when the upload is confirmed.
 */
export function formatUploadId(plan: MultipartPlan, bucketUploadId: string): string {
  const { sizeBytes, partSizeBytes, partChecksums, isOpen } = plan;
  return `${sizeBytes}.${partSizeBytes}${partChecksums ? '+sha256' : isOpen ? '+open' : ''}.${bucketUploadId}`;
}

/** The plan and the bucket's id, or null for what `formatUploadId` never made. */
export function parseUploadId(uploadId: string): { plan: MultipartPlan; bucketUploadId: string } | null {
  const [, size = '', partSize = '', kind, bucketUploadId = ''] =
    /^(\d{1,15})\.(\d{1,15})(\+sha256|\+open)?\.([!-~]+)$/.exec(uploadId) ?? [];
  const plan = {
    ...{ sizeBytes: Number(size), partSizeBytes: Number(partSize), partChecksums: kind === '+sha256' },
    ...(kind === '+open' && { isOpen: true as const }),
  };
  if (bucketUploadId === '' || plan.partSizeBytes === 0 || partCount(plan) > MAX_PARTS) return null;
  return { plan, bucketUploadId };
}
