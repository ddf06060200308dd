import type { Settings } from './settings.ts';
import { describeStore } from './store-traits.ts';

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

/** The URLs of objects: which hosts they name, and how long the signed ones are valid. */
export type Urls = ReturnType<typeof readUrls>;

export function readUrls(set: Settings) {
  return {
    /** Of the store, in signed URLs; undefined: the same as the service's. */
    s3Endpoint: set.S3_PUBLIC_ENDPOINT,
    uploadTtlSeconds: set.UPLOAD_URL_TTL_SECONDS,
    downloadTtlSeconds: set.DOWNLOAD_URL_TTL_SECONDS,
    /** The window within which one download is one URL; 0: none. */
    downloadCacheSeconds: set.DOWNLOAD_URL_CACHE_SECONDS,
    /** Of unsigned URLs; null: there are none. */
    publicBaseUrl: set.PUBLIC_BASE_URL ?? null,
  };
}

/** What the store supports, and how objects are stored in it. */
export type Store = ReturnType<typeof readStore>;

export type Sse = Store['sse'];

export function readStore(set: Settings) {
  return {
    ...describeStore(set.S3_PROVIDER, set.S3_BUCKET_NAME === undefined ? null : set.S3_ENDPOINT, {
      forms: set.S3_POST_POLICY,
      frozenUploads: set.FREEZE_UPLOADS,
      absentHeadersSigned: set.S3_SIGN_ABSENT_HEADERS,
    }),
    /** Every key begins with it. */
    keyPrefix: set.KEY_PREFIX,
    /** Server-side encryption. */
    sse: { mode: set.SSE_MODE, kmsKeyId: set.SSE_KMS_KEY_ID },
  };
}
