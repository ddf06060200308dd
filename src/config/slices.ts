import type { Settings } from './settings.ts';
import { describeStore } from './store-traits.ts';

/** The process: where it listens, whom it answers, and what it logs. */
export type Server = ReturnType<typeof readServer>;

export function readServer(set: Settings) {
  const production = set.NODE_ENV === 'production';
  return {
    production,
    host: set.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    port: set.PORT,
    keepAliveSeconds: set.KEEP_ALIVE_SECONDS,
    shutdownDelaySeconds: set.SHUTDOWN_DELAY_SECONDS,
    trustedProxies: set.TRUSTED_PROXIES,
    allowedOrigins: set.ALLOWED_ORIGINS ?? (production ? [] : ['*']),
    rateLimitPerMinute: set.RATE_LIMIT_PER_MINUTE,
    /** Whether files can be downloaded through the service. */
    proxyDownloads: set.PROXY_DOWNLOADS,
    logLevel: set.LOG_LEVEL,
  };
}

/** What runs beside the service when nothing else is configured. */
export type Local = ReturnType<typeof readLocal>;

export function readLocal(set: Settings) {
  return {
    dataDir: set.DATA_DIR,
    s3Port: set.LOCAL_S3_PORT ?? (set.PORT === 0 || set.PORT === 65_535 ? 0 : set.PORT + 1),
  };
}

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
