import { createHash } from 'node:crypto';
import { S3Error } from '../s3-error.ts';
import { queryValue, type S3Request } from '../s3-request.ts';
import { canonicalRequest } from './canonical-request.ts';
import { deriveSigningKey, isSignature, signWith } from './compute-signature.ts';
import { type Payload, readPayload } from './payload.ts';
import { readHeaderClaim } from './read-header-claim.ts';
import { readQueryClaim } from './read-query-claim.ts';
import { type SignatureClaim, unknownSession, unsupportedVersion } from './signature-claim.ts';

export type SigningKeys = { region: string; accessKeyId: string; secretAccessKey: string };

/**
 * Verifies the AWS Signature Version 4 of a request, in its query or in its Authorization header, and returns what it
 * says about the body. Every signed header is compared as it arrived; `host` and every `x-amz-*` header must be signed.
 * Throws `S3Error` with S3's own codes.
 */
export function verifySignature(request: S3Request, keys: SigningKeys, now: Date): Payload {
  const claim = readClaim(request, keys.region, now);
  if (claim.accessKeyId !== keys.accessKeyId) {
    throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: claim.accessKeyId });
  }
  const canonical = canonicalRequest(request, claim.signedHeaders, claim.payloadHash);
  const stringToSign = ['AWS4-HMAC-SHA256', claim.timestamp, claim.scope, sha256Hex(canonical)].join('\n');
  const signingKey = deriveSigningKey(keys.secretAccessKey, claim.scope);
  const signature = signWith(signingKey, stringToSign);
  // A missing signed header differs from an empty one.
  const missing = claim.signedHeaders.filter((name) => !request.headers.has(name));
  if (missing.length > 0 || !isSignature(signature, claim.signature)) {
    throw new S3Error('SignatureDoesNotMatch', undefined, {
      AWSAccessKeyId: claim.accessKeyId,
      StringToSign: stringToSign,
      SignatureProvided: claim.signature,
      CanonicalRequest: canonical,
      // S3 does not name them.
      ...(missing.length > 0 && { MissingSignedHeaders: missing.join(', ') }),
    });
  }
  requireSignedHeaders(request, claim.signedHeaders);
  const { payloadHash, timestamp, scope } = claim;
  return readPayload(payloadHash, { signingKey, timestamp, scope, seed: claim.signature });
}

function readClaim(request: S3Request, region: string, now: Date): SignatureClaim {
  const authorization = request.headers.get('authorization');
  const inQuery = request.query.some(([name]) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature');
  if (authorization !== undefined && inQuery) {
    throw new S3Error(
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string ' +
        'parameter or the Authorization header should be specified',
    );
  }
  if (authorization === undefined && !inQuery) {
    // The query parameters of Signature Version 2.
    const isOld = ['AWSAccessKeyId', 'Signature'].every((name) => queryValue(request, name) !== undefined);
    throw isOld ? unsupportedVersion() : new S3Error('AccessDenied');
  }
  if (request.headers.has('x-amz-security-token') || queryValue(request, 'X-Amz-Security-Token') !== undefined) {
    throw unknownSession();
  }
  return authorization === undefined
    ? readQueryClaim(request, region, now)
    : readHeaderClaim(request, authorization, region, now);
}

function requireSignedHeaders(request: S3Request, signedHeaders: readonly string[]): void {
  const notSigned = [...request.headers.keys()].filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !signedHeaders.includes(name),
  );
  if (notSigned.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: notSigned.join(', '),
    });
  }
}

function sha256Hex(latin1: string): string {
  return createHash('sha256').update(latin1, 'latin1').digest('hex');
}
