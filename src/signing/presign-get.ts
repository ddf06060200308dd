import type { Credentials } from './credentials.ts';
import { presignUrl, type SignedUrl } from './presign-url.ts';
import type { SigningEndpoint } from './signing-endpoint.ts';

export type GetToSign = {
  key: string;
  /** `response-content-disposition`, `response-content-type` and the other `response-*`; `versionId`. None by default. */
  query?: Readonly<Record<string, string>>;
  /** 1 to 604,800 (a week). */
  expiresInSeconds: number;
};

/**
 * Presigns GetObject (Amazon S3 API Reference); nothing but `host` is signed among the headers, so a client may ask
 * for a `Range`. Bounds, expiry and what it throws: `presignUrl`.
 */
export function presignGet(
  endpoint: SigningEndpoint,
  credentials: Credentials,
  input: GetToSign,
  now: Date,
): SignedUrl {
  const query = { ...input.query, 'x-id': 'GetObject' };
  return presignUrl(endpoint, credentials, { ...input, method: 'GET', query, headers: {} }, now);
}
