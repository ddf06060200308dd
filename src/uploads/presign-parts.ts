import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import { Problem } from '../errors.ts';
import { objectKey, partNumber, uploadId } from '../fields.ts';
import type { Credentials } from '../signing/credentials.ts';
import type { SigningEndpoint } from '../signing/resolve-endpoint.ts';
import { toOpenUpload } from './open-upload.ts';
import { MAX_SIGNED_PARTS, signParts } from './sign-parts.ts';
import { findViolations } from './upload-policy.ts';

export const presignPartsInput = z.strictObject({
  objectKey,
  uploadId,
  partNumbers: z.array(partNumber).min(1).max(MAX_SIGNED_PARTS),
});

export type PresignPartsServices = {
  config: Config;
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  now: () => Date;
};

/**
 * Signs parts of an upload that was begun before, as often as it takes. Pure: an id that is not this key's makes URLs
 * that the bucket refuses.
 * @throws {Problem} `not-your-object`, `upload-not-found`, `invalid-request` for a part beyond the last, `file-too-large`.
 */
export async function presignParts(
  services: PresignPartsServices,
  caller: Caller,
  input: z.infer<typeof presignPartsInput>,
) {
  const { config } = services;
  const { key, documentType, plan, bucketUploadId } = toOpenUpload(config, caller, input);
  // The plan comes back from the client: nobody gets parts signed for more than the limits allow.
  const violations = findViolations(config, { sizeBytes: plan.sizeBytes, contentType: '*/*', documentType });
  const tooLarge = violations.find(({ code }) => code === 'file-too-large');
  if (tooLarge !== undefined) throw new Problem(tooLarge.code, tooLarge.message);
  const { partNumbers } = input;
  const parts = { key, plan, bucketUploadId, partNumbers, expiresInSeconds: config.uploadUrlTtlSeconds };
  const now = services.now();
  return { ...(await signParts(services, parts, now)), serverTime: now.toISOString() };
}
