import { MAX_OBJECT_BYTES, MAX_PUT_BYTES } from '../contract/s3-limits.ts';

/** The known stores. `other` is an S3-compatible store that only its settings describe. */
export const PROVIDERS = ['aws', 'r2', 'b2', 'ceph', 'minio', 'gcs', 'wasabi', 'other'] as const;

/** `embedded` is the bucket in `DATA_DIR`. */
type Provider = (typeof PROVIDERS)[number] | 'embedded';

/** Encryption at rest that a store may do, beside its own default: SSE-S3, SSE-KMS, SSE-C. */
type SseMode = 's3' | 'kms' | 'c';

/** What a store supports, where the service depends on it. Check a trait, never the provider. */
export type StoreTraits = {
  /** It supports POST policies (HTML forms). */
  forms: boolean;
  /** It supports `If-None-Match: *` on PutObject and CompleteMultipartUpload. Otherwise both are sent without it. */
  conditionalPut: boolean;
  /**
   * Which verified uploads are copied to a key without a signed URL: `post`, those that can be sent again, or `all`, if
   * the store does not support `conditionalPut` or ignores it.
   */
  frozenUploads: 'post' | 'all';
  /**
   * It supports `x-amz-checksum-sha256` with uploads and `x-amz-checksum-mode` with HEAD, or ignores both. Otherwise
   * neither is sent, and confirming hashes the object.
   */
  checksums: boolean;
  /** It accepts unsigned `x-amz-*` headers, so harmful ones must be signed as absent. */
  absentHeadersSigned: boolean;
  /** The values of `SSE_MODE` that it supports, beside `none`. */
  sseModes: readonly SseMode[];
  /** It copies encrypted objects. Otherwise no upload may need a copy, unless `SSE_MODE` is `none`. */
  encryptedCopies: boolean;
  /** It copies ranges of objects into parts (UploadPartCopy). Otherwise what needs a copy has at most 5 GiB. */
  partCopies: boolean;
  /** It implements all bucket settings as AWS does: a refusal never means that it lacks the setting. */
  bucketSettings: boolean;
};

/** A store: one of the known ones, with what was set otherwise. */
type StoreDescription = StoreTraits & { provider: Provider; isGuessed: boolean };

/** The traits of most stores. */
const USUAL: StoreTraits = {
  forms: true,
  conditionalPut: true,
  frozenUploads: 'post',
  checksums: true,
  absentHeadersSigned: false,
  sseModes: ['s3', 'kms', 'c'],
  encryptedCopies: true,
  partCopies: true,
  bucketSettings: false,
};

/**
 * Each store's differences, with their sources. `minio` and `wasabi` have no known difference. `npm run doctor` finds
 * unknown ones by testing, and names the setting.
 */
const PRESETS: Record<Provider, Partial<StoreTraits>> = {
  /** Amazon S3 API Reference: PutObject, POST Object, PutPublicAccessBlock. */
  aws: { bucketSettings: true },
  /**
   * Cloudflare, "S3 API compatibility": PostObject is not implemented (501); If-None-Match, SHA-256 and SSE-C are, but
   * neither SSE-S3 nor SSE-KMS.
   */
  r2: { forms: false, sseModes: ['c'] },
  /**
   * Backblaze, "S3-Compatible API": no PostObject among its calls. A PUT with `If-None-Match` is a 501 NotImplemented
   * (lance-format/lance#5614, sathinduga/obsidian-s3-sync-and-backup#78). `x-amz-checksum-*` was a 400 until 2025
   * (iterate-ch/cyberduck#16107, diced/zipline#746); which regions take it by now is not documented.
   * "Use Server-Side Encryption": SSE-B2 is asked for as SSE-S3 is; there is SSE-C, and no KMS.
   */
  b2: { forms: false, conditionalPut: false, frozenUploads: 'all', checksums: false, sseModes: ['s3', 'c'] },
  /**
   * Tested on Ceph 16: unsigned `x-amz-*` headers take effect; `BlockPublicAcls` refuses every PUT. CopyObject of an
   * encrypted object (SSE-C, SSE-KMS) is a 501, and CopyObject of another one stores an unencrypted copy, whatever is
   * asked for.
   */
  ceph: { absentHeadersSigned: true, encryptedCopies: false },
  minio: {},
  /**
   * Google, "Request preconditions": the XML API has `x-goog-if-generation-match` for writes, and `If-None-Match` for
   * reads only. "PUT Object": it accepts the hashes `Content-MD5` and `x-goog-hash`, and has other headers than S3 for
   * encryption (`x-goog-encryption-*`). "XML API multipart uploads": no preconditions, which copies in parts need.
   */
  gcs: { conditionalPut: false, frozenUploads: 'all', checksums: false, sseModes: [], partCopies: false },
  wasabi: {},
  other: {},
  /** Follows the S3 reference; there is no KMS. */
  embedded: { sseModes: ['s3', 'c'] },
};

/** Hosts of endpoints, including their subdomains. */
const HOSTS: readonly (readonly [string, Provider])[] = [
  ['amazonaws.com', 'aws'],
  ['amazonaws.com.cn', 'aws'],
  ['r2.cloudflarestorage.com', 'r2'],
  ['backblazeb2.com', 'b2'],
  ['storage.googleapis.com', 'gcs'],
  ['wasabisys.com', 'wasabi'],
];

/**
 * The traits of a provider, overridden by the given ones.
 * @param endpoint used to guess an undefined `provider`: a URL, undefined on AWS, null for the embedded bucket.
 */
export function describeStore(
  provider: Provider | undefined,
  endpoint: string | null | undefined,
  own: { [Trait in keyof StoreTraits]?: StoreTraits[Trait] | undefined },
): StoreDescription {
  const known = provider ?? guessProvider(endpoint);
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { ...USUAL, ...PRESETS[known], ...given, provider: known, isGuessed: provider === undefined };
}

/** Whether a verified upload is copied; `isRepeatable`: its signed request can be sent again, in any store. */
export function isCopied({ frozenUploads }: Pick<StoreTraits, 'frozenUploads'>, isRepeatable: boolean): boolean {
  return isRepeatable || frozenUploads === 'all';
}

/** The largest object that the store can copy. */
export function maxCopyBytes({ partCopies }: Pick<StoreTraits, 'partCopies'>): number {
  return partCopies ? MAX_OBJECT_BYTES : MAX_PUT_BYTES;
}

function guessProvider(endpoint: string | null | undefined): Provider {
  if (endpoint === null) return 'embedded';
  if (endpoint === undefined) return 'aws';
  const { hostname } = new URL(endpoint);
  return HOSTS.find(([host]) => hostname === host || hostname.endsWith(`.${host}`))?.[1] ?? 'other';
}
