import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { findViolations, limitedTo } from '../config/limits.ts';
import { Problem } from '../contract/errors.ts';
import { checksumSha256, objectKey, partNumber, uploadId } from '../contract/fields.ts';
import { requests } from '../contract/named-schemas.ts';
import type { Credentials } from '../signing/credentials.ts';
import type { SigningEndpoint } from '../signing/signing-endpoint.ts';
import type { IdSigner } from './id-signer.ts';
import { toOpenUpload } from './multipart-plan.ts';
import { MAX_SIGNED_PARTS, signPlannedParts } from './sign-planned-parts.ts';
import type { signedPartsAnswer } from './upload-answer.ts';
import { uploadTtlSeconds } from './upload-ttl.ts';

/** 1 to 100 parts: `partNumbers`, or with `partChecksums` `parts`, each with its SHA-256. */
export const presignPartsInput = z
  .strictObject({
    objectKey,
    uploadId,
    partNumbers: z.array(partNumber).min(1).max(MAX_SIGNED_PARTS).optional(),
    parts: z
      .array(z.strictObject({ partNumber, checksumSha256: checksumSha256.optional() }))
      .min(1)
      .max(MAX_SIGNED_PARTS)
      .optional(),
  })
  .refine(({ partNumbers, parts }) => (partNumbers === undefined) !== (parts === undefined), {
    path: ['partNumbers'],
    message: 'give either partNumbers or parts',
  })
  .register(requests, { id: 'PartsRequest' });

export type PresignPartsServices = {
  config: Pick<Config, 'limits' | 'store' | 'urls'>;
  ids: IdSigner;
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  now: () => Date;
};

/**
 * Signs parts of an upload that was begun before; may be repeated. Does not ask the bucket: for an upload that has
 * ended, the bucket refuses the signed URLs.
 * @throws {Problem} `not-your-object`, `forbidden` after `uploadsUntil`, `upload-not-found`, `invalid-request` for a
 * part beyond the last, a missing checksum or an unexpected one, `file-too-large`.
 */
export async function presignParts(
  all: PresignPartsServices,
  caller: Caller,
  input: z.infer<typeof presignPartsInput>,
): Promise<z.infer<typeof signedPartsAnswer>> {
  const services = limitedTo(all, caller);
  const { config } = services;
  const { plan, bucketUploadId, sseKeyId, ...key } = toOpenUpload(services, caller, input);
  // The limits may have become stricter since the upload began.
  const violations = findViolations(config.limits, { ...key, sizeBytes: plan.sizeBytes, contentType: '*/*' });
  const tooLarge = violations.find(({ code }) => code === 'file-too-large');
  if (tooLarge !== undefined) throw new Problem(tooLarge.code, tooLarge.message);
  const { partNumbers = [], parts = partNumbers.map((partNumber) => ({ partNumber })) } = input;
  const field = input.parts === undefined ? 'partNumbers' : 'parts';
  const now = services.now();
  const expiresInSeconds = uploadTtlSeconds(config, now);
  const toSign = { key: key.key, plan, bucketUploadId, sseKeyId, parts, field, expiresInSeconds } as const;
  const signed = await signPlannedParts(services, toSign, now);
  return { ...signed, serverTime: now.toISOString() };
}
