import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignPart } from '../signing/presign-part.ts';
import type { SigningEndpoint } from '../signing/signing-endpoint.ts';
import { readingHeaders } from '../storage/encryption.ts';
import { type BegunUpload, partCount, partLength } from './multipart-plan.ts';

/** How many parts one answer contains. */
export const MAX_SIGNED_PARTS = 100;

type PartsToSign = BegunUpload & {
  parts: readonly { partNumber: number; checksumSha256?: string | undefined }[];
  /** The request's field that lists the parts, for error paths. */
  field: 'parts' | 'partNumbers';
  expiresInSeconds: number;
};

/**
 * Signs parts of one upload, each with its exact length (except in an open plan), with its SHA-256 if the upload began
 * with `partChecksums`, and with the object's key if it has one: then the client must send `headers`.
 * @throws {Problem} `invalid-request` for a part that does not exist, a missing checksum or an unexpected one.
 */
export async function signPlannedParts(
  services: {
    config: Pick<Config, 'store'>;
    endpoint: SigningEndpoint;
    credentials: () => Credentials | Promise<Credentials>;
  },
  { key, plan, bucketUploadId, sseKeyId, parts, field, expiresInSeconds }: PartsToSign,
  now: Date,
) {
  const credentials = await services.credentials();
  const encryption = readingHeaders(services.config.store, { key, sseKeyId });
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
    const headers: Record<string, string> = {
      ...encryption,
      ...(checksumSha256 !== undefined && { 'x-amz-checksum-sha256': checksumSha256 }),
    };
    const hasHeaders = Object.keys(headers).length > 0;
    const signed = presignPart(
      services.endpoint,
      credentials,
      {
        key,
        uploadId: bucketUploadId,
        partNumber,
        expiresInSeconds,
        headers: { ...headers, ...(!plan.isOpen && { 'content-length': String(size) }) },
      },
      now,
    );
    expiresAt = signed.expiresAt;
    return { partNumber, ...(!plan.isOpen && { size }), presignedUrl: signed.url, ...(hasHeaders && { headers }) };
  });
  return { parts: signedParts, expiresAt: expiresAt.toISOString() };
}
