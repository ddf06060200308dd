import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The signature of a string to sign: the S3 reference, "Authenticating Requests (AWS Signature Version 4)". `scope` is
 * `YYYYMMDD/region/s3/aws4_request`.
 */
export function computeSignature(secretAccessKey: string, scope: string, stringToSign: string): Buffer {
  const signingKey = scope.split('/').reduce((key: Buffer | string, part) => hmac(key, part), `AWS4${secretAccessKey}`);
  return hmac(signingKey, stringToSign);
}

/** True for the lower-case hex of the signature; takes the same time for any other of its length. */
export function isSignature(signature: Buffer, hex: string): boolean {
  return /^[0-9a-f]{64}$/.test(hex) && timingSafeEqual(signature, Buffer.from(hex, 'hex'));
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
