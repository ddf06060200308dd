import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The key that signs within a scope, `YYYYMMDD/region/s3/aws4_request`: the S3 reference, "Authenticating Requests (AWS
 * Signature Version 4)".
 */
export function deriveSigningKey(secretAccessKey: string, scope: string): Buffer {
  const [date = '', ...parts] = scope.split('/');
  return parts.reduce<Buffer>(signWith, signWith(`AWS4${secretAccessKey}`, date));
}

/** The signature of a string to sign. */
export function computeSignature(secretAccessKey: string, scope: string, stringToSign: string): Buffer {
  return signWith(deriveSigningKey(secretAccessKey, scope), stringToSign);
}

/** HMAC-SHA256. */
export function signWith(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Whether `hex` is the signature in lower-case hex; compares in constant time. */
export function isSignature(signature: Buffer, hex: string): boolean {
  return /^[0-9a-f]{64}$/.test(hex) && timingSafeEqual(signature, Buffer.from(hex, 'hex'));
}
