/** The stores that are told apart. `other`: whatever speaks S3; nothing is known of it but what its settings say. */
export const PROVIDERS = ['aws', 'r2', 'b2', 'ceph', 'minio', 'gcs', 'wasabi', 'other'] as const;

/** `embedded` is the bucket in `DATA_DIR`. */
export type Provider = (typeof PROVIDERS)[number] | 'embedded';

/** What a store can do, as far as something depends on it. Ask a trait, never for the provider. */
export type StoreTraits = {
  /** It takes POST policies (HTML forms). */
  forms: boolean;
  /** It takes `If-None-Match: *` on PutObject and CompleteMultipartUpload. Where not, both are sent without it. */
  conditionalPut: boolean;
  /**
   * Which verified uploads are copied to a key that nobody holds a signature for: those that can be sent again, or
   * `all`, where any can because the store has no `conditionalPut`, or does not hold it.
   */
  frozenUploads: 'post' | 'all';
  /**
   * It takes `x-amz-checksum-sha256` with uploads and `x-amz-checksum-mode` with HEAD, or ignores both. Where not,
   * neither is sent: confirming reads an object to hash it.
   */
  checksums: boolean;
  /** It takes `x-amz-*` headers that nobody signed, so that harmful ones have to be signed as absent. */
  absentHeadersSigned: boolean;
  /** It has all settings that a bucket has on AWS, as they are there: what it refuses, it does not merely not know. */
  bucketSettings: boolean;
};

/** The store of a configuration. */
export type Store = StoreTraits & { provider: Provider; isGuessed: boolean };

/** What most stores can do. */
const USUAL: StoreTraits = {
  forms: true,
  conditionalPut: true,
  frozenUploads: 'post',
  checksums: true,
  absentHeadersSigned: false,
  bucketSettings: false,
};

/**
 * By what each differs, and where that is from. Of `minio` and `wasabi` no difference is known. What is not known here
 * `npm run doctor` finds by trying, and names the setting.
 */
const PRESETS: Record<Provider, Partial<StoreTraits>> = {
  /** Amazon S3 API Reference: PutObject, POST Object, PutPublicAccessBlock. */
  aws: { bucketSettings: true },
  /** Cloudflare, "S3 API compatibility": PostObject is not implemented (501); If-None-Match and SHA-256 are. */
  r2: { forms: false },
  /**
   * Backblaze, "S3-Compatible API": no PostObject among its calls. A PUT with `If-None-Match` is a 501 NotImplemented
   * (lance-format/lance#5614, sathinduga/obsidian-s3-sync-and-backup#78). `x-amz-checksum-*` was a 400 until 2025
   * (iterate-ch/cyberduck#16107, diced/zipline#746); which regions take it by now is not documented.
   */
  b2: { forms: false, conditionalPut: false, frozenUploads: 'all', checksums: false },
  /** Tried on Ceph 16: `x-amz-*` headers that were not signed are obeyed; `BlockPublicAcls` refuses every PUT. */
  ceph: { absentHeadersSigned: true },
  minio: {},
  /**
   * Google, "Request preconditions": the XML API has `x-goog-if-generation-match` for writes, and `If-None-Match` for
   * reads alone. "PUT Object": of hashes it takes `Content-MD5` and `x-goog-hash`.
   */
  gcs: { conditionalPut: false, frozenUploads: 'all', checksums: false },
  wasabi: {},
  other: {},
  /** Follows the S3 reference. */
  embedded: {},
};

/** Hosts of endpoints, and what is below them. */
const HOSTS: readonly (readonly [string, Provider])[] = [
  ['amazonaws.com', 'aws'],
  ['amazonaws.com.cn', 'aws'],
  ['r2.cloudflarestorage.com', 'r2'],
  ['backblazeb2.com', 'b2'],
  ['storage.googleapis.com', 'gcs'],
  ['wasabisys.com', 'wasabi'],
];

/**
 * The traits of a provider, the given ones in the place of its own.
 * @param endpoint what to guess from where `provider` is undefined: a URL, undefined on AWS, null of the embedded
 * bucket.
 */
export function readStore(
  provider: Provider | undefined,
  endpoint: string | null | undefined,
  own: { [Trait in keyof StoreTraits]?: StoreTraits[Trait] | undefined },
): Store {
  const known = provider ?? guessProvider(endpoint);
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { ...USUAL, ...PRESETS[known], ...given, provider: known, isGuessed: provider === undefined };
}

/** Whether a verified upload is copied; `isRepeatable`: what was signed can be sent again, whatever the store holds. */
export function isCopied({ frozenUploads }: Pick<StoreTraits, 'frozenUploads'>, isRepeatable: boolean): boolean {
  return isRepeatable || frozenUploads === 'all';
}

function guessProvider(endpoint: string | null | undefined): Provider {
  if (endpoint === null) return 'embedded';
  if (endpoint === undefined) return 'aws';
  const { hostname } = new URL(endpoint);
  return HOSTS.find(([host]) => hostname === host || hostname.endsWith(`.${host}`))?.[1] ?? 'other';
}
