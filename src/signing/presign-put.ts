import type { Credentials } from './credentials.ts';
import { presignUrl, type SignedUrl } from './presign-url.ts';
import type { SigningEndpoint } from './signing-endpoint.ts';

type PutToSign = {
  key: string;
  /**
   * Names in lower case: `content-length`, `content-type`, `if-none-match`, `x-amz-meta-*`, `x-amz-checksum-sha256`,
   * `x-amz-server-side-encryption*`. All are signed and sent as headers, because S3 ignores them in the query. The
   * bucket refuses a request that changes or omits one.
   */
  headers: Readonly<Record<string, string>>;
  /** 1 to 604,800 (a week). */
  expiresInSeconds: number;
};

/** Presigns PutObject (Amazon S3 API Reference). Bounds, expiry and errors: see `presignUrl`. */
export function presignPut(
  endpoint: SigningEndpoint,
  credentials: Credentials,
  { key, headers, expiresInSeconds }: PutToSign,
  now: Date,
): SignedUrl {
  const query = { 'x-id': 'PutObject' };
  return presignUrl(endpoint, credentials, { method: 'PUT', key, query, headers, expiresInSeconds }, now);
}
