import { recordPresigns } from '../audit/record-presigns.ts';
import type { AuditServices } from '../audit/record-refusals.ts';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import { Problem } from '../errors.ts';
import { MAX_PUT_BYTES } from '../settings.ts';
import { findViolations, type Violation } from '../upload-policy.ts';
import { checkQuota } from './check-quota.ts';
import { type SignUploadServices, signUpload, type UploadToSign } from './sign-upload.ts';
import { ANY_TYPE } from './upload-metadata.ts';
import type { UploadRequest } from './upload-request.ts';

export type PresignUploadServices = SignUploadServices & AuditServices & { files: Pick<Files, 'usage'> };

/**
 * Signs one upload under the caller's own prefix. No database, unless there is a quota or presigns are audited, and
 * never one that has to answer; for one PUT no call to the bucket either: everything that confirming will hold the
 * object against is inside the signature.
 * @throws {Problem} `file-too-large`, `content-type-not-allowed`, `quota-exceeded`, `invalid-request` for a form where
 * the store knows none; for an upload in parts `storage-unavailable`.
 */
export async function presignUpload(services: PresignUploadServices, caller: Caller, request: UploadToSign) {
  refuse(violationsOf(services.config, request));
  await checkQuota(services, caller, [request.size]);
  const upload = await signUpload(services, caller, request);
  recordPresigns(services, caller, [upload]);
  return upload;
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
  await checkQuota(
    services,
    caller,
    files.map(({ size }) => size),
  );
  const uploads = await Promise.all(files.map((request) => signUpload(services, caller, request)));
  recordPresigns(services, caller, uploads);
  return { uploads };
}

function violationsOf(config: Config, { size, contentType, documentType, method }: UploadToSign): Violation[] {
  if (method === 'POST' && !config.postPolicy) {
    return [{ code: 'invalid-request', path: 'method', message: 'this store knows no POST policies: use PUT' }];
  }
  const claim = { sizeBytes: size ?? 0, contentType, documentType: documentType ?? null };
  const found = findViolations(config, claim);
  const violations = contentType === ANY_TYPE ? found.filter(({ path }) => path !== 'contentType') : found;
  const isOneRequest = (method !== undefined && method !== 'MULTIPART') || config.freezeUploads === 'all';
  if (!isOneRequest || (size ?? 0) <= MAX_PUT_BYTES || violations.length > 0) return violations;
  const message = `one PUT, form or copy holds at most ${MAX_PUT_BYTES} bytes`;
  return [{ code: 'file-too-large', path: 'size', message }];
}

function refuse(violations: readonly Violation[]): void {
  const [first] = violations;
  if (first === undefined) return;
  throw new Problem(first.code, first.message, { errors: violations.map(({ path, message }) => ({ path, message })) });
}
