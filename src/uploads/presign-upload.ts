import { type AuditServices, recordPresigns } from '../audit/record-events.ts';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { findViolations, limitedTo, type Violation } from '../config/limits.ts';
import { isCopied } from '../config/store-traits.ts';
import { Problem } from '../contract/errors.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import { inParallel } from '../net/in-parallel.ts';
import { canCopy } from '../storage/encryption.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import { checkQuota } from './check-quota.ts';
import type { PresignUploadInput } from './presign-upload-input.ts';
import { MAX_SIGNED_PARTS } from './sign-planned-parts.ts';
import {
  maxBytesOfMethod,
  methodOf,
  type SignUploadServices,
  signUncheckedUpload,
  type UploadConfig,
  type UploadToSign,
} from './sign-unchecked-upload.ts';
import { ANY_TYPE } from './upload-metadata.ts';
import { uploadTtlSeconds } from './upload-ttl.ts';

/** How many uploads of a batch are begun in the bucket concurrently. */
const PARALLEL = 8;

/** How many parts one answer to a batch contains: the first of each upload; clients request the others. */
const MAX_PARTS_OF_BATCH = 1000;

type SignedUpload = Awaited<ReturnType<typeof signUncheckedUpload>>;

export type PresignUploadServices = SignUploadServices &
  AuditServices & {
    metrics: Pick<Metrics, 'count'>;
    config: Pick<Config, 'limits' | 'audit'>;
    files: Pick<FileQueries, 'usage'>;
    multipart: Pick<MultipartUploads, 'begin' | 'abort'>;
  };

/**
 * Signs one upload under the caller's prefix. Uses the database only for a quota or to audit presigns, and works
 * without it. One PUT needs no call to the bucket either: the signature contains everything that confirming checks.
 * @throws {Problem} `file-too-large`, `content-type-not-allowed`, `quota-exceeded`, `forbidden` after `uploadsUntil`,
 * `invalid-request` for a form if the store does not support forms; for an upload in parts `storage-unavailable`.
 */
export async function presignUpload(
  all: PresignUploadServices,
  caller: Caller,
  request: PresignUploadInput,
): Promise<Exclude<SignedUpload, { method: 'CREATE' }>>;
export async function presignUpload(
  all: PresignUploadServices,
  caller: Caller,
  request: UploadToSign,
): Promise<SignedUpload>;
export async function presignUpload(
  all: PresignUploadServices,
  caller: Caller,
  request: UploadToSign,
): Promise<SignedUpload> {
  const services = limitedTo(all, caller);
  await requireAllowed(services, caller, violationsOf(services.config, request), [request.size]);
  const upload = await signUncheckedUpload(services, caller, request);
  notePresigns(services, caller, [upload]);
  return upload;
}

/**
 * Signs many uploads, in the order of the requests. Refuses all if one is not allowed. If one cannot be begun in the
 * bucket, aborts those already begun (the sweeper removes the rest).
 * @throws {Problem} as `presignUpload`; `errors` names every violation by its path.
 */
export async function presignUploads(all: PresignUploadServices, caller: Caller, files: readonly PresignUploadInput[]) {
  const services = limitedTo(all, caller);
  const violations = files.flatMap((request, index) =>
    violationsOf(services.config, request).map(({ path, ...rest }) => ({ ...rest, path: `files.${index}.${path}` })),
  );
  const sizes = files.map(({ size }) => size);
  await requireAllowed(services, caller, violations, sizes);
  const uploads = await signAll(services, caller, files);
  notePresigns(services, caller, uploads);
  return { uploads };
}

function notePresigns(services: PresignUploadServices, caller: Caller, uploads: readonly SignedUpload[]): void {
  for (const { method } of uploads) services.metrics.count('signpost_presigned_uploads_total', { method });
  recordPresigns(services, caller, uploads);
}

async function signAll(services: PresignUploadServices, caller: Caller, files: readonly PresignUploadInput[]) {
  const { multipart } = services;
  const begun: { key: string; uploadId: string }[] = [];
  const begin: MultipartUploads['begin'] = async (key, upload) => {
    const uploadId = await multipart.begin(key, upload);
    begun.push({ key, uploadId });
    return uploadId;
  };
  const maxParts = Math.min(MAX_SIGNED_PARTS, Math.floor(MAX_PARTS_OF_BATCH / files.length));
  const uploads: SignedUpload[] = [];
  try {
    await inParallel(files.entries(), PARALLEL, async ([index, request]) => {
      uploads[index] = await signUncheckedUpload({ ...services, multipart: { begin } }, caller, request, maxParts);
    });
  } catch (error) {
    for (const { key, uploadId } of begun) multipart.abort(key, uploadId).catch(() => {});
    throw error;
  }
  return uploads;
}

function violationsOf(config: UploadConfig, request: UploadToSign): Violation[] {
  const { size, contentType, documentType = null, recordId = null, method } = request;
  if (method === 'POST' && !config.store.forms) {
    return [{ code: 'invalid-request', path: 'method', message: 'this store does not support POST policies: use PUT' }];
  }
  if (isCopied(config.store, method === 'POST' || method === 'CREATE') && !canCopy(config.store)) {
    const message = 'this store does not copy encrypted objects, as such an upload needs: use PUT or MULTIPART';
    return [{ code: 'invalid-request', path: 'method', message }];
  }
  if (request.checksumSha256 !== undefined && methodOf(config.limits, request) === 'MULTIPART') {
    const message =
      'an upload in parts cannot check one SHA-256 of the whole file: use partChecksums, or method PUT (at most 5 GiB)';
    return [{ code: 'invalid-request', path: 'checksumSha256', message }];
  }
  if (request.partChecksums && !config.store.checksums && methodOf(config.limits, request) === 'MULTIPART') {
    const message = 'this store does not support part checksums';
    return [{ code: 'invalid-request', path: 'partChecksums', message }];
  }
  const claim = { sizeBytes: size ?? 0, contentType, documentType, recordId };
  const found = findViolations(config.limits, claim);
  // An open type is checked by the confirmation, which may come from a bucket event and then not know this caller's
  // types.
  const isTypeOpen = contentType === ANY_TYPE && config.limits.caller?.contentTypes === undefined;
  const violations = isTypeOpen ? found.filter(({ path }) => path !== 'contentType') : found;
  const maxBytes = maxBytesOfMethod(config.store, method);
  if ((size ?? 0) <= maxBytes || violations.length > 0) return violations;
  return [{ code: 'file-too-large', path: 'size', message: `such an upload has at most ${maxBytes} bytes` }];
}

/** @throws {Problem} for a violation, after the caller's `uploadsUntil`, and `quota-exceeded`. */
async function requireAllowed(
  services: PresignUploadServices,
  caller: Caller,
  violations: readonly Violation[],
  sizesBytes: readonly (number | null)[],
): Promise<void> {
  const [first] = violations;
  if (first !== undefined) {
    const errors = violations.map(({ path, message }) => ({ path, message }));
    throw new Problem(first.code, first.message, { errors });
  }
  // For its `forbidden` alone, before the quota is asked for.
  uploadTtlSeconds(services.config, services.now());
  await checkQuota(services, caller, sizesBytes);
}
