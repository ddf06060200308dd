import { isIP } from 'node:net';
import { z } from 'zod';
import { databaseUrl } from './database-url.ts';
import { jsonText } from './json-text.ts';
import { LABEL_PATTERN } from './object-key.ts';
import { isOriginPattern } from './origins.ts';
import { MAX_OBJECT_BYTES, MAX_PUT_BYTES, MAX_URL_TTL_SECONDS, MIN_PART_BYTES } from './s3-limits.ts';
import { parseScopeWords } from './scopes.ts';

/** A media type or a pattern of them: `image/png`, `image/*`, `*` + `/*`. Parameters are not part of a pattern. */
const contentTypePattern = z
  .string()
  .toLowerCase()
  .regex(/^(\*\/\*|[a-z0-9!#$&^_.+-]+\/(\*|[a-z0-9!#$&^_.+-]+))$/, 'must be like image/png, image/* or */*');

/** RFC 7518, section 3.2: an HS256 key has at least the size of the hash. */
export const MIN_SECRET_BYTES = 32;
export const MIN_EVENTS_SECRET_BYTES = 16;

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const ORIGIN_FORM =
  'must be origins like https://app.example.com, https://*.example.com (its subdomains) or capacitor://localhost, or *';
/** A staging system is production to the service: it must not fall back to anything embedded. */
const NODE_ENV_FORM =
  'must be development, test or production; a staging system is production too, with settings of its own';
const isHost = (text: string) => isIP(text) !== 0 || (HOST_NAME.test(text) && !/^[\d.]+$/.test(text));
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
/** The same where a list of nothing counts as unset. */
const optionalList = list.transform((items) => (items.length === 0 ? undefined : items)).optional();
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const integer = (min: number, max: number) =>
  z
    .string()
    .refine((text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      message: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
/** A URL that paths are appended to. */
const baseUrl = httpUrl.transform((text) => text.replace(/\/+$/, ''));
const urlTtlSeconds = integer(1, MAX_URL_TTL_SECONDS).default(300);
const uploadPolicy = z.strictObject({
  maxBytes: z.int().min(0).max(MAX_OBJECT_BYTES).optional(),
  contentTypes: z.array(contentTypePattern).min(1).optional(),
});

/** Every setting, by the name of its environment variable. An empty variable counts as unset. */
export const settings = z.object({
  /** `production` forbids everything embedded and everything generated: what is missing is a start-up error. */
  NODE_ENV: z.enum(['development', 'test', 'production'], { error: NODE_ENV_FORM }).default('development'),
  /** TCP port of the service, 0 for any free one. */
  PORT: integer(0, 65_535).default(3000),
  /** Address to listen on. Default `127.0.0.1`, in production `0.0.0.0`. */
  HOST: z
    .string()
    .refine(isHost, 'must be an IP address or a host name, without a scheme, port or brackets')
    .optional(),
  /** How long an idle connection is kept, 1 to 3,600 s: longer than a load balancer in front keeps its own, mostly 60 s. */
  KEEP_ALIVE_SECONDS: integer(1, 3600).default(65),
  /**
   * How long, after a signal to stop, requests are still taken while `/readyz` answers 503, 0 to 300 s: as long as a load
   * balancer takes to learn it. Kubernetes: 5 s or so; 0 where nothing asks.
   */
  SHUTDOWN_DELAY_SECONDS: integer(0, 300).default(0),
  /** Where the embedded bucket, the embedded database and the generated secret live. */
  DATA_DIR: z.string().default('.data'),
  /** TCP port of the embedded bucket. Default: the service's own port plus one (0 where that is 0). */
  LOCAL_S3_PORT: integer(0, 65_535).optional(),

  /** The bucket; unset: the embedded one. On AWS by its rules, on other stores 1 to 255 of [A-Za-z0-9._-]. */
  S3_BUCKET_NAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,255}$/, "must be a bucket's name, not an ARN or a URL")
    .optional(),
  /** Required with a bucket on AWS; `us-east-1` where `S3_ENDPOINT` is set. */
  AWS_REGION: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, 'must be the name of a region, like eu-central-1')
    .optional(),
  /** Static credentials, both or neither; neither: the SDK's own chain (profile, container, instance, web identity). */
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  /** With static credentials that are temporary. */
  AWS_SESSION_TOKEN: z.string().optional(),
  /** When those end, ISO 8601: no URL is promised to live longer. */
  AWS_CREDENTIAL_EXPIRATION: z.iso.datetime({ offset: true }).optional(),
  /** URL of an S3-compatible store, as this service reaches it. Default AWS. */
  S3_ENDPOINT: baseUrl.optional(),
  /** The same store (or the embedded one) as clients reach it, signed into their URLs. Default `S3_ENDPOINT`. */
  S3_PUBLIC_ENDPOINT: baseUrl.optional(),
  /** `https://host/bucket/key` instead of `https://bucket.host/key`. */
  S3_FORCE_PATH_STYLE: flag.default(false),
  /**
   * For a store that takes `x-amz-*` headers nobody signed (Ceph): those that do harm, `x-amz-copy-source` above all, are
   * signed as headers that are not there. AWS refuses them by itself, and would refuse such URLs.
   */
  S3_SIGN_ABSENT_HEADERS: flag.default(false),
  /** Sign for `bucket.s3-accelerate.amazonaws.com`: the bucket must have Transfer Acceleration on. */
  S3_USE_ACCELERATE_ENDPOINT: flag.default(false),
  /** Sign for the endpoint that answers on IPv6 as well. */
  AWS_USE_DUALSTACK_ENDPOINT: flag.default(false),

  /** `postgres://…`; unset: an embedded PostgreSQL in `DATA_DIR`. */
  DATABASE_URL: databaseUrl.optional(),
  /** Overrides the choice by host name: `*.neon.tech` goes through Neon's driver, any other through `pg`. */
  DATABASE_DRIVER: z.enum(['pg', 'neon']).optional(),
  /** Connections each instance may open for requests, 1 to 1,000; one more tells whether the database answers. */
  DATABASE_MAX_CONNECTIONS: integer(1, 1000).default(10),
  /**
   * The same database past its pooler, to migrate it there: what takes hours, or cannot be in a transaction, is not for
   * a pooler. May have another login, the tables' owner. Default: `DATABASE_URL`, of Neon's pooled host its direct one.
   */
  DATABASE_DIRECT_URL: databaseUrl.optional(),
  /**
   * Whether statements keep their plans on a connection. `false` behind a pooler that hands connections on after each
   * transaction and does not know named statements, such as PgBouncer before 1.21.
   */
  DATABASE_PREPARE: flag.default(true),
  /**
   * Whether each start brings the database to the newest schema. `false`: `npm run db:migrate` does, before it; until
   * then the service signs uploads, and `/readyz` says that the database is not ready.
   */
  MIGRATE_ON_START: flag.default(true),

  /**
   * HMAC secrets of the tokens, at least 32 bytes each in production: one, or several separated by commas or line breaks;
   * the first signs. With several issuers each of the next five says whose it is: `issuer=value`.
   */
  JWT_SECRET: z.string().optional(),
  /** Public keys: PEM (SPKI, PKCS #1, X.509), several after one another; base64 of such; a JWK, a JWK Set. */
  JWT_PUBLIC_KEY: z.string().optional(),
  /** Where the issuer publishes its JWK Set; comma-separated `issuer=url` for several issuers. */
  JWKS_URL: optionalList,
  /** Comma-separated: the `iss` of a token must be one of these. Unset: not checked. */
  JWT_ISSUER: optionalList,
  /** Comma-separated: the `aud` of a token (alone or in a list) must be one of these. Unset: not checked. */
  JWT_AUDIENCE: optionalList,
  /** Comma-separated: the client (`azp`, `client_id`, `cid`, `appid`) of a token must be one of these. Unset: not checked. */
  JWT_CLIENT_IDS: optionalList,
  /** Comma-separated; narrows the algorithms that fit the kind of key. */
  JWT_ALGORITHMS: list.optional(),
  /** How far the clocks of issuer and service may differ, 0 to 300 s. */
  JWT_CLOCK_TOLERANCE_SECONDS: integer(0, 300).default(5),
  /** The claim that is the user id: `sub`, `user.id` within an object, a URL. */
  JWT_USER_CLAIM: z.string().default('sub'),
  /** The claim that is the owner of the files, a team or a tenant: `org_id`. Unset: each user owns their own. */
  JWT_OWNER_CLAIM: z.string().optional(),
  /** Comma-separated claims that hold scopes. Unset: `scope,scp`, and a token without either may read and write. */
  JWT_SCOPE_CLAIM: optionalList,
  /** Comma-separated, the issuer's words in ours: `read:files=files:read`, `signpost/*`, `*=files:read files:write`. */
  JWT_SCOPES: list
    .transform((items) => (items.length === 0 ? undefined : parseScopeWords(items)))
    .refine((words) => words !== null, 'must be like read:files=files:read, signpost/*, *=files:read files:write')
    .optional(),
  /** Name of a cookie that may carry the token, from this origin, or a named one on the same site. Unset: off. */
  AUTH_COOKIE: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be a cookie name of [A-Za-z0-9_.-]')
    .optional(),

  /**
   * Authenticates the ids of uploads that clients hold for the service: at least 32 bytes, several as those of
   * `JWT_SECRET`, the first signs. Default: derived from `JWT_SECRET`, else from a static `AWS_SECRET_ACCESS_KEY` (without a
   * session token); in production one of the three is required. An open upload in parts whose secret is gone is not found
   * any more.
   */
  UPLOAD_ID_SECRET: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= MIN_SECRET_BYTES, `must have at least ${MIN_SECRET_BYTES} bytes`)
    .optional(),

  /** In front of every object key, at most 256 characters, ending in `/` or empty. */
  KEY_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/, 'must be path segments of [A-Za-z0-9._-], each followed by /')
    .max(256)
    .default(''),
  /** How long a presigned upload stays valid, 1 to 604,800 s. */
  UPLOAD_URL_TTL_SECONDS: urlTtlSeconds,
  /** How long a presigned download stays valid, 1 to 604,800 s. */
  DOWNLOAD_URL_TTL_SECONDS: urlTtlSeconds,
  /**
   * The window, in seconds, in which a presigned download stays the same URL, so that caches know it again; 0: none.
   * Each URL lives for one window more, 0 to 302,400.
   */
  DOWNLOAD_URL_CACHE_SECONDS: integer(0, MAX_URL_TTL_SECONDS / 2).default(0),
  /** Largest file in bytes, at most 5 TiB. */
  MAX_UPLOAD_BYTES: integer(0, MAX_OBJECT_BYTES).default(5 * 1024 ** 3),
  /** Files larger than this, in bytes, are uploaded in parts unless the client says otherwise; at most 5 GiB. */
  MULTIPART_THRESHOLD_BYTES: integer(0, MAX_PUT_BYTES).default(100 * 1024 ** 2),
  /** Size of a part in bytes, 5 MiB to 5 GiB; more where a file would need over 10,000 parts. */
  MULTIPART_PART_BYTES: integer(MIN_PART_BYTES, MAX_PUT_BYTES).default(64 * 1024 ** 2),
  /** Comma-separated media types or patterns: `image/*,application/pdf`. */
  ALLOWED_CONTENT_TYPES: list.pipe(z.array(contentTypePattern).min(1)).default(['*/*']),
  /** JSON per document type, narrowing the two above: `{"id":{"maxBytes":10485760,"contentTypes":["image/*"]}}`. */
  UPLOAD_POLICIES: jsonText
    .pipe(z.record(z.string().regex(LABEL_PATTERN, 'names what is no document type'), uploadPolicy))
    .default({}),
  /** Bytes each user's files may have in all. Unset: no limit. */
  QUOTA_BYTES: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  /** Files each user may have. Unset: no limit. */
  QUOTA_FILES: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  /** How long the object of a deleted file is kept, in seconds; 0: it is removed in the same call. At most 10 years. */
  DELETE_AFTER_SECONDS: integer(0, 10 * 365 * 86_400).default(0),
  /**
   * How often each instance tries to sweep the bucket and seal the audit log, in seconds, at most a week; 0: never. Default
   * 3,600; 0 for a bucket of yours with an embedded database: what that has no row of may be a file all the same.
   */
  JOBS_INTERVAL_SECONDS: integer(0, 7 * 86_400).optional(),
  /** Whether the store knows POST policies (HTML forms); Cloudflare R2 does not. */
  S3_POST_POLICY: flag.default(true),
  /**
   * Which verified uploads are copied to a key that nobody holds a signature for, so that what was verified stays what
   * is served: `post` (a form can be sent again until it expires), or `all` for a store that ignores `If-None-Match`.
   */
  FREEZE_UPLOADS: z.enum(['post', 'all']).default('post'),
  /** Encryption at rest, signed into every upload: none (the bucket's own default), SSE-S3 or SSE-KMS. */
  SSE_MODE: z.enum(['none', 's3', 'kms']).default('none'),
  /** Key id or ARN for `SSE_MODE=kms`. Unset: the account's `aws/s3` key. */
  SSE_KMS_KEY_ID: z.string().optional(),

  /** `GET /files/{fileId}/content` gives the bytes through the service: for data whose every reading has to be known. */
  PROXY_DOWNLOADS: flag.default(false),
  /** Writes a row into the audit log for each presigned upload as well, as far as the database answers. */
  AUDIT_PRESIGN: flag.default(false),
  /** Proxies in front that each add to `X-Forwarded-For`, 0 to 10: the client's address is looked for behind them. */
  TRUSTED_PROXIES: integer(0, 10).default(0),
  /**
   * Secrets of bucket events that nobody signs, a bearer token or `?secret=`: one, or several separated by commas or line
   * breaks, each of 16 characters or more. Unset: none.
   */
  EVENTS_SECRET: z.string().min(MIN_EVENTS_SECRET_BYTES, 'must have at least 16 characters').optional(),
  /** ARNs of the SNS topics whose signed bucket events are believed, comma-separated. Unset: none. */
  EVENTS_SNS_TOPICS: list
    .pipe(z.array(z.string().regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/, 'must be ARNs of SNS topics')))
    .default([]),

  /** Requests each user may make in a minute to one instance, a batch counted by its entries; 0 for no limit. */
  RATE_LIMIT_PER_MINUTE: integer(0, 1_000_000).default(600),
  /**
   * Comma-separated origins of the pages that may call the service, and use the bucket: `https://app.example.com`,
   * `https://*.example.com` (its subdomains, however deep), `capacitor://localhost`, `*`. In development any by default,
   * in production none.
   */
  ALLOWED_ORIGINS: list.pipe(z.array(z.string().refine(isOriginPattern, ORIGIN_FORM))).optional(),
  /** Public bucket or CDN in front of it: answers then carry `publicFileUrl`. */
  PUBLIC_BASE_URL: baseUrl.optional(),
  /** How much is logged. */
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export type Settings = z.infer<typeof settings>;
