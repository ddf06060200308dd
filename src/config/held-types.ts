import type { Limits } from './slices.ts';

/** The limits that decide which files are held. */
export type HoldLimits = Pick<Limits, 'holdUploads' | 'uploadPolicies'>;

/** Whether a file of this document type is held until it is judged. */
export function isHeldType({ holdUploads, uploadPolicies }: HoldLimits, documentType: string | null): boolean {
  return (documentType === null ? undefined : uploadPolicies.get(documentType)?.hold) ?? holdUploads;
}

/** Whether any file is. */
export function holdsAny({ holdUploads, uploadPolicies }: HoldLimits): boolean {
  return holdUploads || [...uploadPolicies.values()].some(({ hold }) => hold === true);
}
