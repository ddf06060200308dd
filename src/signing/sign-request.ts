import type { Credentials } from './credentials.ts';
import type { SigningEndpoint } from './signing-endpoint.ts';
import {
  ALGORITHM,
  amzDate,
  canonicalizeHeaders,
  canonicalQueryString,
  canonicalRequest,
  credentialScope,
  encodePath,
  signature,
  signingKey,
  stringToSign,
} from './sigv4.ts';

export type RequestToSign = {
  method: 'GET' | 'HEAD' | 'DELETE';
  key: string;
  query?: Readonly<Record<string, string>>;
  /** Names in lower case. All are signed. */
  headers?: Readonly<Record<string, string>>;
};

/** SHA-256 of nothing: these requests have no body. */
const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * Signs a request on one object, without a body, in its `Authorization` header: unlike a presigned URL, neither URL nor
 * proxy logs contain a credential ("Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference).
 *
 * Throws RangeError for an empty key (the request would be on the bucket itself), URIError for a lone surrogate.
 * @returns the path with its query, and all headers to send but `host`, which is the endpoint's.
 */
export function signRequest(
  endpoint: SigningEndpoint,
  credentials: Credentials,
  { method, key, query = {}, headers = {} }: RequestToSign,
  now: Date,
): { path: string; headers: Record<string, string> } {
  if (key === '') throw new RangeError('key must not be empty');
  const { host, basePath, region, service } = endpoint;
  const longDate = amzDate(now);
  const date = longDate.slice(0, 8);
  const scope = credentialScope(date, region, service);
  const token = credentials.sessionToken;
  const sent: Record<string, string> = Object.assign({}, headers, {
    'x-amz-content-sha256': EMPTY_HASH,
    'x-amz-date': longDate,
  });
  if (token !== undefined) sent['x-amz-security-token'] = token;
  const { canonicalHeaders, signedHeaders } = canonicalizeHeaders(Object.assign({ host }, sent));
  const canonicalUri = `${basePath}/${encodePath(key)}`;
  const sortedQuery = canonicalQueryString(query);
  const canonical = canonicalRequest({
    method,
    canonicalUri,
    canonicalQueryString: sortedQuery,
    canonicalHeaders,
    signedHeaders,
    hashedPayload: EMPTY_HASH,
  });
  const secretKey = signingKey(credentials.secretAccessKey, date, region, service);
  const signed = signature(secretKey, stringToSign(longDate, scope, canonical));
  const credential = `Credential=${credentials.accessKeyId}/${scope}`;
  sent.authorization = `${ALGORITHM} ${credential}, SignedHeaders=${signedHeaders}, Signature=${signed}`;
  return { path: sortedQuery === '' ? canonicalUri : `${canonicalUri}?${sortedQuery}`, headers: sent };
}
