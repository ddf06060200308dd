import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { maxBytesOf } from '../config/limits.ts';
import type { Limits } from '../config/slices.ts';
import { isCopied, maxCopyBytes } from '../config/store-traits.ts';
import { storedTypeOf } from '../contract/media-type.ts';
import { buildObjectKey, type ObjectKey, publicFileUrl, safeFileName } from '../contract/object-key.ts';
import { MAX_OBJECT_BYTES, MAX_PUT_BYTES } from '../contract/s3-limits.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignPost } from '../signing/presign-post.ts';
import { presignPut } from '../signing/presign-put.ts';
import { presignUrl } from '../signing/presign-url.ts';
import type { SigningEndpoint } from '../signing/signing-endpoint.ts';
import { encryptionHeaders, newestKeyId } from '../storage/encryption.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import type { IdSigner } from './id-signer.ts';
import { markFileId } from './mark-file-id.ts';
import { formatUploadId, partCount, planOpenParts, planParts } from './multipart-plan.ts';
import type { PresignUploadInput } from './presign-upload-input.ts';
import { MAX_SIGNED_PARTS, signPlannedParts } from './sign-planned-parts.ts';
import { ANY_TYPE, metadataHeaders, type SignedLimits, toMetadata, toRemembered } from './upload-metadata.ts';
import { uploadTtlSeconds } from './upload-ttl.ts';

/** What signing an upload depends on. */
export type UploadConfig = Pick<Config, 'limits' | 'store' | 'urls'>;

export type SignUploadServices = {
  config: UploadConfig;
  ids: IdSigner;
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  multipart: Pick<MultipartUploads, 'begin'>;
  now: () => Date;
  newId: (now: Date) => string;
};

/** What a route can sign: a `PresignUploadInput`, plus what only Uppy and Companion need. */
export type UploadToSign = Omit<PresignUploadInput, 'size' | 'method'> & {
  /**
   * null: unknown. Then the policy of a form enforces the limits; for a PUT and for parts, only confirming does.
   */
  size: number | null;
  /** `CREATE`: the client sends CreateMultipartUpload, with a type of its choice if `contentType` is `ANY_TYPE`. */
  method?: PresignUploadInput['method'] | 'CREATE';
  /** In bytes, for each part but the last; large enough for 10,000 parts. Default: `MULTIPART_PART_BYTES` or more. */
  partSize?: number | undefined;
  /** Further fields that a form must contain. */
  formFields?: Readonly<Record<string, string>>;
};

/**
 * Signs an upload under a new key of the caller, with the requested method. Does not check the limits: `presignUpload`
 * does.
 * @param maxParts how many parts are signed. Default 100.
 * @throws {Problem} `storage-unavailable` for an upload in parts, which is begun in the bucket.
 */
export async function signUncheckedUpload(
  services: SignUploadServices,
  caller: Caller,
  request: UploadToSign,
  maxParts = MAX_SIGNED_PARTS,
) {
  const { config } = services;
  const now = services.now();
  const parts = {
    userId: caller.userId,
    recordId: request.recordId ?? null,
    documentType: request.documentType ?? null,
    fileId: services.newId(now),
    fileName: safeFileName(request.fileName),
  };
  const method = methodOf(config.limits, request);
  const fileId = markFileId(services.ids, parts, method === 'CREATE' ? 'client' : 'service');
  const key = buildObjectKey(config.store.keyPrefix, { ...parts, fileId });
  const isMoved = isCopied(config.store, method === 'POST' || method === 'CREATE');
  return {
    fileId,
    objectKey: key,
    ...(await SIGN[method](services, request, key, now, maxParts)),
    serverTime: now.toISOString(),
    // A copied upload gets its final address only when it is verified.
    ...(config.urls.publicBaseUrl !== null &&
      !isMoved && { publicFileUrl: publicFileUrl(config.urls.publicBaseUrl, key) }),
  };
}

/** The method of an upload, chosen by size unless the request names one. */
export function methodOf(limits: Limits, { method, size }: UploadToSign): NonNullable<UploadToSign['method']> {
  const isLarge = size === null || size > limits.multipartThresholdBytes;
  return method ?? (isLarge ? 'MULTIPART' : 'PUT');
}

/** The most that the store can take in this way: in one request, or with the copy that such an upload needs. */
export function maxBytesOfMethod(store: Config['store'], method: UploadToSign['method']): number {
  if (method === 'PUT' || method === 'POST') return MAX_PUT_BYTES;
  return isCopied(store, method === 'CREATE') ? maxCopyBytes(store) : MAX_OBJECT_BYTES;
}

async function signPut(services: SignUploadServices, request: UploadToSign, key: ObjectKey, now: Date) {
  const { config, endpoint } = services;
  const { checksumSha256 } = request;
  const headers: Record<string, string> = { 'content-type': storedTypeOf(request) };
  if (config.store.conditionalPut) headers['if-none-match'] = '*';
  Object.assign(
    headers,
    checksumHeader(config, checksumSha256),
    metadataHeaders(metadataOf(config, request)),
    encryptionHeaders(config.store, key),
  );
  const signed = presignPut(
    endpoint,
    await services.credentials(),
    {
      key,
      // HTTP clients set Content-Length themselves, and browsers forbid setting it: it is signed, but not in the
      // answer.
      headers: { ...headers, ...(request.size !== null && { 'content-length': String(request.size) }) },
      expiresInSeconds: uploadTtlSeconds(config, now, request.expiresIn),
    },
    now,
  );
  return { method: 'PUT' as const, presignedUrl: signed.url, headers, expiresAt: signed.expiresAt.toISOString() };
}

async function signForm(services: SignUploadServices, request: UploadToSign, key: ObjectKey, now: Date) {
  const { config, endpoint } = services;
  const { checksumSha256 } = request;
  const signed = presignPost(
    endpoint,
    await services.credentials(),
    {
      key,
      fields: {
        ...request.formFields,
        'Content-Type': storedTypeOf(request),
        ...checksumHeader(config, checksumSha256),
        ...metadataHeaders(metadataOf(config, request, true)),
        ...encryptionHeaders(config.store, key),
      },
      sizes: request.size === null ? [0, maxBytesOfUnknown(config, request)] : [request.size, request.size],
      expiresInSeconds: uploadTtlSeconds(config, now, request.expiresIn),
    },
    now,
  );
  const { url, fields, expiresAt } = signed;
  return { method: 'POST' as const, presignedUrl: url, fields, expiresAt: expiresAt.toISOString() };
}

async function beginParts(
  services: SignUploadServices,
  request: UploadToSign,
  key: ObjectKey,
  now: Date,
  maxParts: number,
) {
  const { config, ids, multipart } = services;
  const plan =
    request.size === null
      ? planOpenParts(maxBytesOfUnknown(config, request))
      : {
          ...planParts(request.size, config.limits.multipartPartBytes, request.partChecksums),
          ...(request.partSize !== undefined && { partSizeBytes: request.partSize }),
        };
  const sseKeyId = newestKeyId(config.store);
  const bucketUploadId = await multipart.begin(key, {
    contentType: storedTypeOf(request),
    metadata: metadataOf(config, request),
    partChecksums: plan.partChecksums,
    sseKeyId,
  });
  const count = partCount(plan);
  // Part checksums are in the URLs and not known yet; nor is the number of parts of an open plan.
  const signable = plan.partChecksums || plan.isOpen ? 0 : Math.min(count, maxParts);
  const parts = Array.from({ length: signable }, (_, index) => ({ partNumber: index + 1 }));
  const expiresInSeconds = uploadTtlSeconds(config, now, request.expiresIn);
  const toSign = { key, plan, bucketUploadId, sseKeyId, parts, field: 'parts' as const, expiresInSeconds };
  const signed = await signPlannedParts(services, toSign, now);
  return {
    method: 'MULTIPART' as const,
    uploadId: formatUploadId(ids, { key, plan, bucketUploadId, sseKeyId }),
    partSize: plan.partSizeBytes,
    partCount: count,
    ...signed,
  };
}

/**
 * Signs CreateMultipartUpload (Amazon S3 API Reference). A client can send it twice and complete both uploads: some
 * stores (Ceph 16) accept the second, whatever its completion was signed with.
 */
async function signCreation(services: SignUploadServices, request: UploadToSign, key: ObjectKey, now: Date) {
  const { config, endpoint } = services;
  const { contentType } = request;
  const headers: Record<string, string> = {
    ...(contentType !== ANY_TYPE && { 'content-type': contentType }),
    ...metadataHeaders(metadataOf(config, request, true)),
    ...encryptionHeaders(config.store, key),
  };
  const query = { uploads: '', 'x-id': 'CreateMultipartUpload' };
  const expiresInSeconds = uploadTtlSeconds(config, now, request.expiresIn);
  const toSign = { method: 'POST' as const, key, query, headers, expiresInSeconds };
  const signed = presignUrl(endpoint, await services.credentials(), toSign, now);
  return { method: 'CREATE' as const, presignedUrl: signed.url, headers, expiresAt: signed.expiresAt.toISOString() };
}

const SIGN = { PUT: signPut, POST: signForm, MULTIPART: beginParts, CREATE: signCreation };

/** The maximum for a file of unknown size. */
function maxBytesOfUnknown(config: Pick<Config, 'limits' | 'store'>, { documentType, method }: UploadToSign): number {
  return Math.min(maxBytesOf(config.limits, documentType ?? null), maxBytesOfMethod(config.store, method));
}

/** A store that does not support checksums gets none: the metadata has it, and confirming hashes the object. */
function checksumHeader({ store }: Pick<Config, 'store'>, checksumSha256: string | undefined) {
  return checksumSha256 !== undefined && store.checksums && { 'x-amz-checksum-sha256': checksumSha256 };
}

function metadataOf({ limits, store }: Pick<Config, 'limits' | 'store'>, request: UploadToSign, isRepeatable = false) {
  const { size: sizeBytes, contentType, checksumSha256 = null } = request;
  const limitedTo = signedLimits(limits, sizeBytes === null);
  const sseKeyId = newestKeyId(store);
  return toMetadata({
    remembered: toRemembered(request),
    sizeBytes,
    contentType,
    checksumSha256,
    isRepeatable,
    ...(limitedTo !== null && { limitedTo }),
    ...(sseKeyId !== null && { sseKeyId }),
  });
}

/**
 * The caller's limits that only confirming can check, so that they also hold if a bucket event confirms; null: none.
 */
function signedLimits({ quota, caller }: Limits, isSizeUnknown: boolean): SignedLimits | null {
  if (caller === undefined) return null;
  const { maxBytes, quotaBytes, quotaFiles, maxFiles } = caller;
  const isOfOwner = maxFiles !== undefined && quota.recordFiles === undefined;
  const limits: SignedLimits = {
    ...(isSizeUnknown && maxBytes !== undefined && { maxBytes }),
    ...(quotaBytes !== undefined && { quotaBytes }),
    // Without a record, `maxFiles` is a part of the quota.
    ...((quotaFiles !== undefined || isOfOwner) && quota.files !== null && { quotaFiles: quota.files }),
    ...(quota.recordFiles !== undefined && { maxFiles: quota.recordFiles }),
  };
  return Object.keys(limits).length === 0 ? null : limits;
}
