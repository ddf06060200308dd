import { MAX_URL_TTL_SECONDS } from '../contract/s3-limits.ts';
import type { Credentials } from './credentials.ts';
import type { SigningEndpoint } from './signing-endpoint.ts';
import { ALGORITHM, amzDate, credentialScope, signature, signingKey } from './sigv4.ts';

type FormToSign = {
  key: string;
  /** Fields that the form must send with exactly these values: `Content-Type`, `x-amz-meta-*`, encryption. */
  fields: Readonly<Record<string, string>>;
  /** The minimum and maximum size of the file in bytes. */
  sizes: readonly [min: number, max: number];
  /** 1 to 604,800 (a week). */
  expiresInSeconds: number;
};

/** The form's URL, the fields to send before the file, and the expiry. The fields are a credential. */
type SignedForm = { url: string; fields: Record<string, string>; expiresAt: Date };

/**
 * Signs an HTML form upload: an S3 POST policy ("Browser-Based Uploads Using POST (AWS Signature Version 4)", Amazon S3
 * API Reference) in which every field has one permitted value. The same result as the AWS SDK's `createPresignedPost`,
 * without I/O. Expires with the credentials at the latest.
 *
 * Throws RangeError if `expiresInSeconds` is not an integer of 1 to 604,800.
 */
export function presignPost(
  endpoint: SigningEndpoint,
  credentials: Credentials,
  { key, fields, sizes, expiresInSeconds }: FormToSign,
  now: Date,
): SignedForm {
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > MAX_URL_TTL_SECONDS) {
    throw new RangeError(`expiresInSeconds must be an integer of 1 to ${MAX_URL_TTL_SECONDS}`);
  }
  const { bucket, region, service } = endpoint;
  const timestamp = amzDate(now);
  const date = timestamp.slice(0, 8);
  const end = Math.min(now.getTime() + expiresInSeconds * 1000, credentials.expiration?.getTime() ?? Infinity);
  const expiresAt = new Date(Math.floor(end / 1000) * 1000);
  const allFields: Record<string, string> = {
    ...fields,
    bucket,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': `${credentials.accessKeyId}/${credentialScope(date, region, service)}`,
    'X-Amz-Date': timestamp,
    ...(credentials.sessionToken !== undefined && { 'X-Amz-Security-Token': credentials.sessionToken }),
    key,
  };
  const policy = JSON.stringify({
    expiration: expiresAt.toISOString().replace(/\.\d+Z$/, 'Z'),
    conditions: [
      ['content-length-range', ...sizes],
      ...Object.entries(allFields).map(([name, value]) => ({ [name]: value })),
    ],
  });
  const encoded = Buffer.from(policy).toString('base64');
  const signed = signature(signingKey(credentials.secretAccessKey, date, region, service), encoded);
  return {
    url: `${endpoint.protocol}//${endpoint.host}${endpoint.basePath || '/'}`,
    fields: { ...allFields, Policy: encoded, 'X-Amz-Signature': signed },
    expiresAt,
  };
}
