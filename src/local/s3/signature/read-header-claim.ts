import { S3Error } from '../s3-error.ts';
import type { S3Request } from '../s3-request.ts';
import {
  formatTimestamp,
  parseCredential,
  parseSignedHeaders,
  parseTimestamp,
  type SignatureClaim,
  scopeProblem,
  unsupportedVersion,
} from './signature-claim.ts';

const MAX_CLOCK_SKEW_MILLISECONDS = 15 * 60 * 1000;

/**
 * The claim of an `Authorization` header: the S3 reference, "Authenticating Requests: Using the Authorization Header".
 * Throws AuthorizationHeaderMalformed for what does not parse or has another scope, RequestTimeTooSkewed for a date
 * more than 15 minutes off, InvalidRequest without `x-amz-content-sha256`.
 */
export function readHeaderClaim(request: S3Request, authorization: string, region: string, now: Date): SignatureClaim {
  if (authorization.startsWith('AWS ')) {
    throw unsupportedVersion();
  }
  if (!authorization.startsWith('AWS4-HMAC-SHA256')) {
    throw new S3Error('InvalidArgument', 'Unsupported Authorization Type', { ArgumentName: 'Authorization' });
  }
  const fields = new Map(
    authorization
      .slice('AWS4-HMAC-SHA256'.length)
      .split(',')
      .map((field) => {
        const [name = '', ...value] = field.trim().split('=');
        return [name, value.join('=')] as const;
      }),
  );
  const credential = parseCredential(fields.get('Credential') ?? '');
  const signedHeaders = parseSignedHeaders(fields.get('SignedHeaders') ?? '');
  const signature = fields.get('Signature');
  if (fields.size !== 3 || credential === null || signedHeaders === null || signature === undefined) {
    throw malformed(
      'the Authorization header requires exactly three components: Credential, SignedHeaders, and Signature.',
    );
  }
  const timestamp = readTimestamp(request, now);
  const problem = scopeProblem(credential, timestamp, region);
  if (problem !== null) throw malformed(problem.message, problem.details);
  const payloadHash = request.headers.get('x-amz-content-sha256');
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  const { accessKeyId, scope } = credential;
  return { accessKeyId, scope, signedHeaders, signature, timestamp, payloadHash };
}

function readTimestamp(request: S3Request, now: Date): string {
  const date = request.headers.get('date');
  const amzDate = request.headers.get('x-amz-date');
  const milliseconds = amzDate === undefined ? Date.parse(date ?? '') : (parseTimestamp(amzDate) ?? Number.NaN);
  if (Number.isNaN(milliseconds)) {
    throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  }
  if (Math.abs(milliseconds - now.getTime()) > MAX_CLOCK_SKEW_MILLISECONDS) {
    throw new S3Error('RequestTimeTooSkewed', undefined, {
      RequestTime: new Date(milliseconds).toISOString(),
      ServerTime: now.toISOString(),
      MaxAllowedSkewMilliseconds: String(MAX_CLOCK_SKEW_MILLISECONDS),
    });
  }
  return formatTimestamp(new Date(milliseconds));
}

function malformed(reason: string, details: Record<string, string> = {}): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${reason}`, details);
}
