import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import { Problem } from '../errors.ts';
import { cleanText, expiresIn, fileName, label } from '../fields.ts';
import { MEDIA_TYPE_PATTERN } from '../media-type.ts';
import { buildObjectKey, publicFileUrl, safeFileName } from '../object-key.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignPut } from '../signing/presign-put.ts';
import type { SigningEndpoint } from '../signing/resolve-endpoint.ts';
import { encryptionHeaders } from './encryption-headers.ts';
import { encodeText, RESERVED_METADATA_PREFIX, toMetadataHeaders } from './upload-metadata.ts';
import { findViolations } from './upload-policy.ts';

/** With the service's own entries (at most 560 bytes) and the names this stays under S3's 2,048 bytes of metadata. */
const MAX_METADATA_BYTES = 1024;
const MAX_METADATA_PAIRS = 10;

export const presignUploadInput = z.strictObject({
  fileName,
  contentType: z.string().max(128).regex(MEDIA_TYPE_PATTERN, 'must be a media type like image/png'),
  size: z.int().min(0),
  checksumSha256: z
    .string()
    .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'must be the base64 of 32 bytes')
    .optional(),
  recordId: label.optional(),
  documentType: label.optional(),
  metadata: z
    .record(
      z
        .string()
        .regex(/^[a-z0-9-]{1,32}$/, 'must match [a-z0-9-]{1,32}')
        .refine((name) => !name.startsWith(RESERVED_METADATA_PREFIX), `${RESERVED_METADATA_PREFIX}… is reserved`),
      cleanText,
    )
    .refine((pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS, `at most ${MAX_METADATA_PAIRS} pairs`)
    .refine(
      (pairs) => Object.values(pairs).reduce((sum, value) => sum + encodeText(value).length, 0) <= MAX_METADATA_BYTES,
      `at most ${MAX_METADATA_BYTES} bytes of values, as encoded for the header`,
    )
    .optional(),
  method: z.literal('PUT').optional(),
  expiresIn: expiresIn.optional(),
});

export type PresignUploadInput = z.infer<typeof presignUploadInput>;

export type PresignUploadServices = {
  config: Config;
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  now: () => Date;
  newId: (now: Date) => string;
};

/**
 * Signs one upload under the caller's own prefix. No database, no call to the bucket: everything that confirming will
 * hold the object against is inside the signature.
 * @throws {Problem} `file-too-large`, `content-type-not-allowed`.
 */
export async function presignUpload(services: PresignUploadServices, caller: Caller, input: PresignUploadInput) {
  const { config, endpoint } = services;
  const { fileName, contentType, size: sizeBytes, checksumSha256 = null, metadata = {} } = input;
  const recordId = input.recordId ?? null;
  const documentType = input.documentType ?? null;
  const [violation] = findViolations(config, { sizeBytes, contentType, documentType });
  if (violation !== undefined) throw new Problem(violation.code, violation.message);

  const now = services.now();
  const fileId = services.newId(now);
  const { userId } = caller;
  const key = buildObjectKey(config.keyPrefix, {
    userId,
    recordId,
    documentType,
    fileId,
    fileName: safeFileName(fileName),
  });
  const headers: Record<string, string> = {
    'content-type': contentType,
    'if-none-match': '*',
    ...(checksumSha256 !== null && { 'x-amz-checksum-sha256': checksumSha256 }),
    ...toMetadataHeaders({ fileName, sizeBytes, contentType, checksumSha256, metadata }),
    ...encryptionHeaders(config.sse),
  };
  const signed = presignPut(
    endpoint,
    await services.credentials(),
    {
      key,
      // Every client sends content-length by itself, and browsers forbid setting it: signed, but not in the answer.
      headers: { ...headers, 'content-length': String(sizeBytes) },
      expiresInSeconds: input.expiresIn ?? config.uploadUrlTtlSeconds,
    },
    now,
  );
  return {
    fileId,
    objectKey: key,
    method: 'PUT' as const,
    presignedUrl: signed.url,
    headers,
    expiresAt: signed.expiresAt.toISOString(),
    serverTime: now.toISOString(),
    ...(config.publicBaseUrl !== null && { publicFileUrl: publicFileUrl(config.publicBaseUrl, key) }),
  };
}
