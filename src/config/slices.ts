import type { Settings } from './settings.ts';

/** What users may upload, how much of it, and from which size in parts. */
export type Limits = ReturnType<typeof readLimits>;

export function readLimits(set: Settings) {
  return {
    maxUploadBytes: set.MAX_UPLOAD_BYTES,
    allowedContentTypes: set.ALLOWED_CONTENT_TYPES,
    /** By document type. */
    uploadPolicies: new Map(Object.entries(set.UPLOAD_POLICIES)),
    multipartThresholdBytes: set.MULTIPART_THRESHOLD_BYTES,
    multipartPartBytes: set.MULTIPART_PART_BYTES,
    /** Of one user; null: no limit. */
    quota: { bytes: set.QUOTA_BYTES ?? null, files: set.QUOTA_FILES ?? null },
  };
}
