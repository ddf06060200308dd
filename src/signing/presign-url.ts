import { MAX_URL_TTL_SECONDS } from '../contract/s3-limits.ts';
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
  UNSIGNED_PAYLOAD,
  uriEncode,
} from './sigv4.ts';

/** `expiresAt` is when the URL stops working. The URL is a credential: never log it. */
export type SignedUrl = { url: string; expiresAt: Date };

type UrlToSign = {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  key: string;
  /** At least one parameter; each name starts with a lower-case letter. */
  query: Readonly<Record<string, string>>;
  /** Names in lower case. All are signed: the client must send exactly these. `host` is added here. */
  headers: Readonly<Record<string, string>>;
  /** 1 to 604,800 (a week). */
  expiresInSeconds: number;
};

/**
 * Presigns one request on an object, without I/O: byte for byte the URL of the AWS SDK's `getSignedUrl` with all
 * headers signed and kept as headers ("Authenticating Requests: Using Query Parameters", Amazon S3 API Reference).
 *
 * `X-Amz-Date` has whole seconds, so `expiresAt` counts from the start of the second of `now`. It and `X-Amz-Expires`
 * (at least 1) never exceed the lifetime of the credentials.
 *
 * Throws RangeError if `expiresInSeconds` is not an integer of 1 to 604,800 or the key is empty (such a URL would
 * address the bucket itself), URIError if the key or a query value has a lone surrogate.
 */
export function presignUrl(
  endpoint: SigningEndpoint,
  credentials: Credentials,
  request: UrlToSign,
  now: Date,
): SignedUrl {
  const { protocol, host, basePath, region, service } = endpoint;
  const { method, key, expiresInSeconds } = request;
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > MAX_URL_TTL_SECONDS) {
    throw new RangeError(`expiresInSeconds must be an integer of 1 to ${MAX_URL_TTL_SECONDS}`);
  }
  if (key === '') throw new RangeError('key must not be empty');

  const signedAtSeconds = Math.floor(now.getTime() / 1000);
  const credentialsEndMs = credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
  const lifetimeSeconds = Math.floor(credentialsEndMs / 1000) - signedAtSeconds;
  const expiresSeconds = Math.max(1, Math.min(expiresInSeconds, lifetimeSeconds));
  const expiresAt = new Date(Math.min((signedAtSeconds + expiresSeconds) * 1000, credentialsEndMs));

  const longDate = amzDate(now);
  const date = longDate.slice(0, 8);
  const scope = credentialScope(date, region, service);
  const { canonicalHeaders, signedHeaders } = canonicalizeHeaders(
    Object.assign({ host }, request.headers),
    method === 'GET' ? [] : endpoint.absentHeaders,
  );
  const token = credentials.sessionToken;
  // In sorted order: the service's own parameters start in lower case, after every `X-Amz-*`. Concatenated by hand,
  // because building, sorting and encoding an object costs more than the HMAC.
  const query = [
    `X-Amz-Algorithm=${ALGORITHM}&X-Amz-Content-Sha256=${UNSIGNED_PAYLOAD}`,
    `&X-Amz-Credential=${uriEncode(`${credentials.accessKeyId}/${scope}`)}`,
    `&X-Amz-Date=${longDate}&X-Amz-Expires=${expiresSeconds}`,
    token === undefined ? '' : `&X-Amz-Security-Token=${uriEncode(token)}`,
  ].join('');
  const rest = `&X-Amz-SignedHeaders=${uriEncode(signedHeaders)}&${canonicalQueryString(request.query)}`;
  const canonicalUri = `${basePath}/${encodePath(key)}`;
  const canonical = canonicalRequest({
    method,
    canonicalUri,
    canonicalQueryString: query + rest,
    canonicalHeaders,
    signedHeaders,
    hashedPayload: UNSIGNED_PAYLOAD,
  });
  const secretKey = signingKey(credentials.secretAccessKey, date, region, service);
  const signed = signature(secretKey, stringToSign(longDate, scope, canonical));
  return { url: `${protocol}//${host}${canonicalUri}?${query}&X-Amz-Signature=${signed}${rest}`, expiresAt };
}
