import { S3Error } from '../s3-error.ts';
import { queryValue, type S3Request } from '../s3-request.ts';
import {
  parseCredential,
  parseSignedHeaders,
  parseTimestamp,
  type SignatureClaim,
  scopeProblem,
} from './signature-claim.ts';

const MAX_EXPIRES_SECONDS = 604_800;
const MAX_CLOCK_SKEW_MILLISECONDS = 15 * 60 * 1000;

const REQUIRED = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Signature',
  'X-Amz-Date',
  'X-Amz-SignedHeaders',
  'X-Amz-Expires',
] as const;

/**
 * The claim of a presigned URL and its lifetime: the S3 reference, "Authenticating Requests: Using Query Parameters".
 * `X-Amz-Expires` is 1 to 604,800 seconds. Throws AuthorizationQueryParametersError for what is missing, repeated or
 * malformed, AccessDenied for a URL that has expired or is dated more than 15 minutes ahead.
 */
export function readQueryClaim(request: S3Request, region: string, now: Date): SignatureClaim {
  if (REQUIRED.some((name) => request.query.filter(([other]) => other === name).length !== 1)) {
    throw malformed(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, ' +
        'X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  const [algorithm, credentialText, signature, timestamp, signedHeadersText, expires] = REQUIRED.map(
    (name) => queryValue(request, name) ?? '',
  ) as [string, string, string, string, string, string];
  if (algorithm !== 'AWS4-HMAC-SHA256') throw malformed('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"');
  const credential = parseCredential(credentialText);
  if (credential === null) {
    throw malformed(
      'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting ' +
        '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  const signedAt = parseTimestamp(timestamp);
  if (signedAt === null) {
    throw malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  const expiresSeconds = readExpires(expires);
  const problem = scopeProblem(credential, timestamp, region);
  if (problem !== null) {
    throw new S3Error(
      'AuthorizationQueryParametersError',
      `Error parsing the X-Amz-Credential parameter; ${problem.message}`,
      problem.details,
    );
  }
  const signedHeaders = parseSignedHeaders(signedHeadersText);
  if (signedHeaders === null) throw malformed('X-Amz-SignedHeaders must be a list of lower-case header names');
  checkLifetime(signedAt, expiresSeconds, now);
  const payloadHash =
    request.headers.get('x-amz-content-sha256') ?? queryValue(request, 'X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD';
  const { accessKeyId, scope } = credential;
  return { accessKeyId, scope, signedHeaders, signature, timestamp, payloadHash };
}

function readExpires(value: string): number {
  if (/^-[0-9]+$/.test(value)) throw malformed('X-Amz-Expires must be non-negative');
  if (!/^[0-9]+$/.test(value)) throw malformed('X-Amz-Expires should be a number');
  const seconds = Number(value);
  if (seconds < 1) throw malformed('X-Amz-Expires must be at least one second');
  if (seconds > MAX_EXPIRES_SECONDS) {
    throw malformed(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ' +
        '604800 seconds',
    );
  }
  return seconds;
}

function checkLifetime(signedAt: number, expiresSeconds: number, now: Date): void {
  if (signedAt - now.getTime() > MAX_CLOCK_SKEW_MILLISECONDS) {
    throw new S3Error('AccessDenied', 'Request is not valid yet', { ServerTime: now.toISOString() });
  }
  const expiresAt = signedAt + expiresSeconds * 1000;
  if (now.getTime() > expiresAt) {
    throw new S3Error('AccessDenied', 'Request has expired', {
      'X-Amz-Expires': String(expiresSeconds),
      Expires: new Date(expiresAt).toISOString(),
      ServerTime: now.toISOString(),
    });
  }
}

function malformed(message: string): S3Error {
  return new S3Error('AuthorizationQueryParametersError', message);
}
