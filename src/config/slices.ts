import { type AuthConfig, splitSecrets } from './auth-config.ts';
import type { CallerLimits } from './caller-limits.ts';
import { MIN_EVENTS_SECRET_BYTES, MIN_SECRET_BYTES } from './settings/secrets.ts';
import type { Settings } from './settings.ts';
import { describeStore } from './store-traits.ts';

/** Each setting is in one slice; one slice has the settings that are read together. */
export function readSlices(set: Settings, auth: AuthConfig, isDatabaseGiven: boolean) {
  const limits: Limits = readLimits(set);
  return {
    server: readServer(set),
    local: readLocal(set),
    bucket: readBucket(set),
    store: readStore(set),
    sts: readSts(set),
    database: readDatabase(set, isDatabaseGiven),
    auth,
    uploadIds: readUploadIds(set, auth),
    urls: readUrls(set),
    receipts: readReceipts(set),
    limits,
    jobs: readJobs(set, isDatabaseGiven),
    audit: readAudit(set),
    events: readEvents(set),
    webhooks: readWebhooks(set),
  };
}

/** The process: its address, the origins and clients it answers, its log. */
export type Server = ReturnType<typeof readServer>;

function readServer(set: Settings) {
  const production = set.NODE_ENV === 'production';
  return {
    production,
    host: set.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    port: set.PORT,
    /** How many processes serve. */
    processes: set.WEB_CONCURRENCY,
    /** null: there are no metrics. */
    metricsPort: set.METRICS_PORT ?? null,
    keepAliveSeconds: set.KEEP_ALIVE_SECONDS,
    shutdownDelaySeconds: set.SHUTDOWN_DELAY_SECONDS,
    trustedProxies: set.TRUSTED_PROXIES,
    allowedOrigins: set.ALLOWED_ORIGINS ?? (production ? [] : ['*']),
    rateLimitPerMinute: set.RATE_LIMIT_PER_MINUTE,
    rateLimitPerAddress: set.RATE_LIMIT_PER_ADDRESS,
    rateLimitStore: set.RATE_LIMIT_STORE,
    /** Whether files can be downloaded through the service. */
    proxyDownloads: set.PROXY_DOWNLOADS !== false,
    logLevel: set.LOG_LEVEL,
  };
}

/** For development: the data directory, and the port of the embedded bucket. */
export type Local = ReturnType<typeof readLocal>;

function readLocal(set: Settings) {
  return {
    dataDir: set.DATA_DIR,
    s3Port: set.LOCAL_S3_PORT ?? (set.PORT === 0 || set.PORT === 65_535 ? 0 : set.PORT + 1),
  };
}

/** The bucket's location and credentials. */
export type BucketConfig = NonNullable<ReturnType<typeof readBucket>> & {
  /** False for the embedded bucket. Otherwise the SDK reads it: AWS_USE_FIPS_ENDPOINT, or the profile's. */
  useFipsEndpoint?: false;
};

/** null: the embedded bucket. */
function readBucket(set: Settings) {
  if (set.S3_BUCKET_NAME === undefined) return null;
  return {
    name: set.S3_BUCKET_NAME,
    region: set.AWS_REGION ?? 'us-east-1',
    /** undefined: found by the SDK (profile, web identity, container or instance role). */
    credentials: staticCredentials(set),
    /** undefined: AWS. */
    endpoint: set.S3_ENDPOINT,
    forcePathStyle: set.S3_FORCE_PATH_STYLE,
    useAccelerateEndpoint: set.S3_USE_ACCELERATE_ENDPOINT,
    useDualstackEndpoint: set.AWS_USE_DUALSTACK_ENDPOINT,
  };
}

function staticCredentials(set: Settings) {
  if (set.AWS_ACCESS_KEY_ID === undefined || set.AWS_SECRET_ACCESS_KEY === undefined) return undefined;
  return {
    accessKeyId: set.AWS_ACCESS_KEY_ID,
    secretAccessKey: set.AWS_SECRET_ACCESS_KEY,
    ...(set.AWS_SESSION_TOKEN !== undefined && { sessionToken: set.AWS_SESSION_TOKEN }),
    ...(set.AWS_CREDENTIAL_EXPIRATION !== undefined && { expiration: new Date(set.AWS_CREDENTIAL_EXPIRATION) }),
  };
}

/** The role of temporary credentials. */
export type StsConfig = NonNullable<ReturnType<typeof readSts>>;

/** null: there are none. */
function readSts(set: Settings) {
  if (set.TEMPORARY_CREDENTIALS_ROLE_ARN === undefined) return null;
  return {
    roleArn: set.TEMPORARY_CREDENTIALS_ROLE_ARN,
    /** undefined: AWS. */
    endpoint: set.TEMPORARY_CREDENTIALS_STS_ENDPOINT ?? set.S3_ENDPOINT,
    maxSeconds: set.TEMPORARY_CREDENTIALS_MAX_SECONDS,
  };
}

/** What the store supports, and how objects are stored in it. */
export type Store = ReturnType<typeof readStore>;

function readStore(set: Settings) {
  const described = describeStore(set.S3_PROVIDER, set.S3_BUCKET_NAME === undefined ? null : set.S3_ENDPOINT, {
    forms: set.S3_POST_POLICY,
    frozenUploads: set.FREEZE_UPLOADS,
    absentHeadersSigned: set.S3_SIGN_ABSENT_HEADERS,
  });
  return {
    ...described,
    // A form can be sent again, so what it stored is copied.
    forms: described.forms && (set.SSE_MODE === 'none' || described.encryptedCopies),
    /** Every key begins with it. */
    keyPrefix: set.KEY_PREFIX,
    /** Server-side encryption. */
    sse: {
      mode: set.SSE_MODE,
      kmsKeyId: set.SSE_KMS_KEY_ID,
      /** Sorted by name. */
      kmsContext: set.SSE_KMS_CONTEXT,
      kmsBucketKey: set.SSE_KMS_BUCKET_KEY,
      /** The first one encrypts, all decrypt. Without `c` as well: earlier objects need them. */
      masterKeys: set.SSE_C_MASTER_KEYS ?? [],
    },
  };
}

/** How the database is reached. */
function readDatabase(set: Settings, isGiven: boolean) {
  return {
    isEmbedded: !isGiven && set.DATABASE_URL === undefined,
    /** undefined: the embedded database, or a pool that the app gives. */
    url: set.DATABASE_URL,
    directUrl: set.DATABASE_DIRECT_URL ?? set.DATABASE_URL,
    driver: set.DATABASE_DRIVER,
    maxConnections: set.DATABASE_MAX_CONNECTIONS,
    prepare: set.DATABASE_PREPARE,
    migrateOnStart: set.MIGRATE_ON_START,
  };
}

/**
 * The secrets that sign ids of uploads. All instances share them: so not role credentials, which expire, and differ
 * between instances.
 */
function readUploadIds(set: Settings, auth: AuthConfig) {
  const lasting = set.AWS_SESSION_TOKEN === undefined ? set.AWS_SECRET_ACCESS_KEY : undefined;
  return {
    /** The first one signs, all verify. Empty: a secret created once in `dataDir`. */
    secrets: [
      ...(set.UPLOAD_ID_SECRET === undefined ? [] : splitSecrets(set.UPLOAD_ID_SECRET, MIN_SECRET_BYTES)),
      ...auth.keys.flatMap(({ kind, value }) => (kind === 'secret' ? [value] : [])),
      ...(lasting === undefined ? [] : [lasting]),
    ],
  };
}

/** The URLs of objects: which hosts they name, and how long the signed ones are valid. */
function readUrls(set: Settings) {
  return {
    /** For clients; undefined: the service's own. */
    s3Endpoint: set.S3_PUBLIC_ENDPOINT,
    uploadTtlSeconds: set.UPLOAD_URL_TTL_SECONDS,
    downloadTtlSeconds: set.DOWNLOAD_URL_TTL_SECONDS,
    /** Whether downloads are presigned; otherwise all go through the service. */
    presignsDownloads: set.PROXY_DOWNLOADS !== 'only',
    /** Within this window, the same download has the same URL; 0: never. */
    downloadCacheSeconds: set.DOWNLOAD_URL_CACHE_SECONDS,
    /** The base of unsigned URLs; null: there are none. */
    publicBaseUrl: set.PUBLIC_BASE_URL ?? null,
  };
}

/** The keys that sign receipts, and the name they are signed with. */
function readReceipts(set: Settings) {
  return {
    /** null: none is set. */
    keys: set.RECEIPT_KEYS ?? null,
    issuer: set.RECEIPT_ISSUER,
  };
}

/** What users may upload, how much of it, and from which size in parts. */
export type Limits = Omit<ReturnType<typeof readLimits>, 'quota'> & {
  quota: Quota;
  /** Those of one caller, if any (`limitedTo`). */
  caller?: CallerLimits | undefined;
};

/** What one owner may have; null: no limit. */
export type Quota = {
  bytes: number | null;
  files: number | null;
  /** How many files the record may have that a caller is limited to. */
  recordFiles?: number;
};

function readLimits(set: Settings) {
  return {
    maxUploadBytes: set.MAX_UPLOAD_BYTES,
    allowedContentTypes: set.ALLOWED_CONTENT_TYPES,
    /** Whether a file is held until it is judged, unless the policy of its document type says otherwise. */
    holdUploads: set.HOLD_UPLOADS,
    /** Where held files are scanned; null: nowhere. */
    scan: set.SCAN ?? null,
    /** By document type. */
    uploadPolicies: new Map(Object.entries(set.UPLOAD_POLICIES)),
    multipartThresholdBytes: set.MULTIPART_THRESHOLD_BYTES,
    multipartPartBytes: set.MULTIPART_PART_BYTES,
    /** Of one user; null: no limit. */
    quota: { bytes: set.QUOTA_BYTES ?? null, files: set.QUOTA_FILES ?? null },
  };
}

/** When the jobs run, and what they remove. */
function readJobs(set: Settings, isDatabaseGiven: boolean) {
  return {
    /** 0: they do not run in this process. */
    intervalSeconds:
      set.JOBS_INTERVAL_SECONDS ?? (set.S3_BUCKET_NAME && !set.DATABASE_URL && !isDatabaseGiven ? 0 : 3600),
    /** How long the object of a deleted file is kept; 0: it is removed with the file. */
    deleteAfterSeconds: set.DELETE_AFTER_SECONDS,
  };
}

/** What the audit log contains besides changes. */
function readAudit(set: Settings) {
  return { presigns: set.AUDIT_PRESIGN };
}

/** Whose bucket events are accepted. */
function readEvents(set: Settings) {
  return {
    /** Empty: no unsigned event is accepted. */
    secrets: set.EVENTS_SECRET === undefined ? [] : splitSecrets(set.EVENTS_SECRET, MIN_EVENTS_SECRET_BYTES),
    snsTopics: set.EVENTS_SNS_TOPICS,
  };
}

/** Where events of files are sent; null: nowhere, and no event is kept. */
function readWebhooks(set: Settings) {
  if (set.WEBHOOK_URL === undefined) return null;
  return { url: set.WEBHOOK_URL, secrets: set.WEBHOOK_SECRET, allowPrivate: set.WEBHOOK_ALLOW_PRIVATE };
}
