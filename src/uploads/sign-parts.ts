import { Problem } from '../errors.ts';
import type { ObjectKey } from '../object-key.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignPart } from '../signing/presign-part.ts';
import type { SigningEndpoint } from '../signing/resolve-endpoint.ts';
import { type MultipartPlan, partCount, partLength } from './multipart-plan.ts';

/** How many parts are signed in one answer. */
export const MAX_SIGNED_PARTS = 100;

export type PartsToSign = {
  key: ObjectKey;
  plan: MultipartPlan;
  bucketUploadId: string;
  partNumbers: readonly number[];
  expiresInSeconds: number;
};

/**
 * Signs parts of one upload, each with its exact length.
 * @throws {Problem} `invalid-request` for a part the file does not reach.
 */
export async function signParts(
  services: { endpoint: SigningEndpoint; credentials: () => Credentials | Promise<Credentials> },
  { key, plan, bucketUploadId, partNumbers, expiresInSeconds }: PartsToSign,
  now: Date,
) {
  const credentials = await services.credentials();
  let expiresAt = now;
  const parts = partNumbers.map((partNumber, index) => {
    const size = partLength(plan, partNumber);
    if (size === null) {
      throw new Problem('invalid-request', `this upload has parts 1 to ${partCount(plan)}`, {
        errors: [{ path: `partNumbers.${index}`, message: `must be 1 to ${partCount(plan)}` }],
      });
    }
    const headers = { 'content-length': String(size) };
    const input = { key, uploadId: bucketUploadId, partNumber, headers, expiresInSeconds };
    const signed = presignPart(services.endpoint, credentials, input, now);
    expiresAt = signed.expiresAt;
    return { partNumber, size, presignedUrl: signed.url };
  });
  return { parts, expiresAt: expiresAt.toISOString() };
}
