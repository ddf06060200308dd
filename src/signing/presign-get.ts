import type { Credentials } from './credentials.ts';
import { presignUrl, type SignedUrl } from './presign-url.ts';
import type { SigningEndpoint } from './signing-endpoint.ts';

type GetToSign = {
  key: string;
  /** `response-content-disposition`, `response-content-type` and other `response-*`; `versionId`. Default: none. */
  query?: Readonly<Record<string, string>>;
  /** The headers of an object's own key (SSE-C), in lower case: the client must send them. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /** 1 to 604,800 (a week). */
  expiresInSeconds: number;
};

/**
 * Presigns GetObject (Amazon S3 API Reference). The other headers are not signed, so a client may send a `Range`.
 * Bounds, expiry and errors: see `presignUrl`.
 */
export function presignGet(
  endpoint: SigningEndpoint,
  credentials: Credentials,
  input: GetToSign,
  now: Date,
): SignedUrl {
  const query = { ...input.query, 'x-id': 'GetObject' };
  return presignUrl(endpoint, credentials, { ...input, method: 'GET', query, headers: input.headers ?? {} }, now);
}
