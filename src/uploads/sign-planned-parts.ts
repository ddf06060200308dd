import { Problem } from '../contract/errors.ts';
import type { ObjectKey } from '../contract/object-key.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignPart } from '../signing/presign-part.ts';
import type { SigningEndpoint } from '../signing/signing-endpoint.ts';
import { type MultipartPlan, partCount, partLength } from './multipart-plan.ts';

/** How many parts one answer contains. */
export const MAX_SIGNED_PARTS = 100;

export type PartsToSign = {
  key: ObjectKey;
  plan: MultipartPlan;
  bucketUploadId: string;
  parts: readonly { partNumber: number; checksumSha256?: string | undefined }[];
  /** The request's field that lists the parts, for error paths. */
  field: 'parts' | 'partNumbers';
  expiresInSeconds: number;
};

/**
 * Signs parts of one upload, each with its exact length (except in an open plan), and with its SHA-256 if the upload
 * began with `partChecksums`: then the client must send `headers`.
 * @throws {Problem} `invalid-request` for a part that does not exist, a missing checksum or an unexpected one.
 */
export async function signPlannedParts(
  services: { endpoint: SigningEndpoint; credentials: () => Credentials | Promise<Credentials> },
  { key, plan, bucketUploadId, parts, field, expiresInSeconds }: PartsToSign,
  now: Date,
) {
  const credentials = await services.credentials();
  let expiresAt = now;
  const signedParts = parts.map(({ partNumber, checksumSha256 }, index) => {
    const refuse = (message: string) =>
      new Problem('invalid-request', `part ${partNumber} ${message}`, {
        errors: [{ path: `${field}.${index}`, message }],
      });
    const size = partLength(plan, partNumber);
    if (size === null) throw refuse(`does not exist: this upload has parts 1 to ${partCount(plan)}`);
    // S3 would refuse the part only after all of its bytes were sent.
    if (plan.partChecksums && checksumSha256 === undefined) {
      throw refuse('needs its checksumSha256: the upload began with partChecksums');
    }
    if (!plan.partChecksums && checksumSha256 !== undefined) {
      throw refuse('must not have a checksumSha256: the upload began without partChecksums');
    }
    const headers = checksumSha256 === undefined ? undefined : { 'x-amz-checksum-sha256': checksumSha256 };
    const signed = presignPart(
      services.endpoint,
      credentials,
      {
        ...{ key, uploadId: bucketUploadId, partNumber, expiresInSeconds },
        headers: { ...headers, ...(!plan.isOpen && { 'content-length': String(size) }) },
      },
      now,
    );
    expiresAt = signed.expiresAt;
    return { partNumber, ...(!plan.isOpen && { size }), presignedUrl: signed.url, ...(headers && { headers }) };
  });
  return { parts: signedParts, expiresAt: expiresAt.toISOString() };
}
