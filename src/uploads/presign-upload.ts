import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import { Problem } from '../errors.ts';
import { buildObjectKey, type ObjectKey, publicFileUrl, safeFileName } from '../object-key.ts';
import { MAX_PUT_BYTES } from '../settings.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignPost } from '../signing/presign-post.ts';
import { presignPut } from '../signing/presign-put.ts';
import type { SigningEndpoint } from '../signing/resolve-endpoint.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import { encryptionHeaders } from './encryption-headers.ts';
import { formatUploadId, partCount, planParts } from './multipart-plan.ts';
import { MAX_SIGNED_PARTS, signParts } from './sign-parts.ts';
import { metadataHeaders, toMetadata } from './upload-metadata.ts';
import { findViolations, type Violation } from './upload-policy.ts';
import type { UploadRequest } from './upload-request.ts';

export type PresignUploadServices = {
  config: Config;
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  multipart: Pick<MultipartUploads, 'begin'>;
  now: () => Date;
  newId: (now: Date) => string;
};

/**
 * Signs one upload under the caller's own prefix. No database, and for one PUT no call to the bucket either: everything
 * that confirming will hold the object against is inside the signature.
 * @throws {Problem} `file-too-large`, `content-type-not-allowed`, `invalid-request` for a form where the store knows none;
 * for an upload in parts `storage-unavailable`.
 */
export async function presignUpload(services: PresignUploadServices, caller: Caller, request: UploadRequest) {
  refuse(violationsOf(services.config, request));
  return sign(services, caller, request);
}

/**
 * Signs many uploads, in the order of the requests. One that is not allowed refuses all of them.
 * @throws {Problem} as `presignUpload`; `errors` names every violation by its path.
 */
export async function presignUploads(services: PresignUploadServices, caller: Caller, files: readonly UploadRequest[]) {
  refuse(
    files.flatMap((request, index) =>
      violationsOf(services.config, request).map(({ path, ...rest }) => ({ ...rest, path: `files.${index}.${path}` })),
    ),
  );
  return { uploads: await Promise.all(files.map((request) => sign(services, caller, request))) };
}

function violationsOf(config: Config, { size, contentType, documentType, method }: UploadRequest): Violation[] {
  if (method === 'POST' && !config.postPolicy) {
    return [{ code: 'invalid-request', path: 'method', message: 'this store knows no POST policies: use PUT' }];
  }
  const claim = { sizeBytes: size, contentType, documentType: documentType ?? null };
  const violations = findViolations(config, claim);
  const isOneRequest = method === 'PUT' || method === 'POST' || config.freezeUploads === 'all';
  if (!isOneRequest || size <= MAX_PUT_BYTES || violations.length > 0) return violations;
  const message = `one PUT, form or copy holds at most ${MAX_PUT_BYTES} bytes`;
  return [{ code: 'file-too-large', path: 'size', message }];
}

function refuse(violations: readonly Violation[]): void {
  const [first] = violations;
  if (first === undefined) return;
  throw new Problem(first.code, first.message, { errors: violations.map(({ path, message }) => ({ path, message })) });
}

async function sign(services: PresignUploadServices, caller: Caller, request: UploadRequest) {
  const { config } = services;
  const now = services.now();
  const fileId = services.newId(now);
  const key = buildObjectKey(config.keyPrefix, {
    userId: caller.userId,
    recordId: request.recordId ?? null,
    documentType: request.documentType ?? null,
    fileId,
    fileName: safeFileName(request.fileName),
  });
  const method = request.method ?? (request.size > config.multipartThresholdBytes ? 'MULTIPART' : 'PUT');
  return {
    fileId,
    objectKey: key,
    ...(await SIGN[method](services, request, key, now)),
    serverTime: now.toISOString(),
    // A form's file is copied away when it is verified: its address is known only then.
    ...(config.publicBaseUrl !== null &&
      method !== 'POST' && { publicFileUrl: publicFileUrl(config.publicBaseUrl, key) }),
  };
}

async function signPut(services: PresignUploadServices, request: UploadRequest, key: ObjectKey, now: Date) {
  const { config, endpoint } = services;
  const { checksumSha256, contentType } = request;
  const headers: Record<string, string> = {
    'content-type': contentType,
    'if-none-match': '*',
    ...(checksumSha256 !== undefined && { 'x-amz-checksum-sha256': checksumSha256 }),
    ...metadataHeaders(metadataOf(request)),
    ...encryptionHeaders(config.sse),
  };
  const signed = presignPut(
    endpoint,
    await services.credentials(),
    {
      key,
      // Every client sends content-length by itself, and browsers forbid setting it: signed, but not in the answer.
      headers: { ...headers, 'content-length': String(request.size) },
      expiresInSeconds: request.expiresIn ?? config.uploadUrlTtlSeconds,
    },
    now,
  );
  return { method: 'PUT' as const, presignedUrl: signed.url, headers, expiresAt: signed.expiresAt.toISOString() };
}

async function signForm(services: PresignUploadServices, request: UploadRequest, key: ObjectKey, now: Date) {
  const { config, endpoint } = services;
  const { checksumSha256, contentType } = request;
  const signed = presignPost(
    endpoint,
    await services.credentials(),
    {
      key,
      fields: {
        'Content-Type': contentType,
        ...(checksumSha256 !== undefined && { 'x-amz-checksum-sha256': checksumSha256 }),
        ...metadataHeaders(metadataOf(request, true)),
        ...encryptionHeaders(config.sse),
      },
      sizeBytes: request.size,
      expiresInSeconds: request.expiresIn ?? config.uploadUrlTtlSeconds,
    },
    now,
  );
  const { url, fields, expiresAt } = signed;
  return { method: 'POST' as const, presignedUrl: url, fields, expiresAt: expiresAt.toISOString() };
}

async function beginParts(services: PresignUploadServices, request: UploadRequest, key: ObjectKey, now: Date) {
  const { config, multipart } = services;
  const plan = planParts(request.size, config.multipartPartBytes);
  const bucketUploadId = await multipart.begin(key, {
    contentType: request.contentType,
    metadata: metadataOf(request),
    sse: config.sse,
  });
  const count = partCount(plan);
  const partNumbers = Array.from({ length: Math.min(count, MAX_SIGNED_PARTS) }, (_, index) => index + 1);
  const expiresInSeconds = request.expiresIn ?? config.uploadUrlTtlSeconds;
  const signed = await signParts(services, { key, plan, bucketUploadId, partNumbers, expiresInSeconds }, now);
  return {
    method: 'MULTIPART' as const,
    uploadId: formatUploadId(plan, bucketUploadId),
    partSize: plan.partSizeBytes,
    partCount: count,
    ...signed,
  };
}

const SIGN = { PUT: signPut, POST: signForm, MULTIPART: beginParts };

function metadataOf(request: UploadRequest, isRepeatable = false) {
  const { fileName, size: sizeBytes, contentType, metadata = {} } = request;
  const checksumSha256 = request.checksumSha256 ?? null;
  return toMetadata({ fileName, sizeBytes, contentType, checksumSha256, isRepeatable, metadata });
}
