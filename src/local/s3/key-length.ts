import { S3Error } from './s3-error.ts';

const MAX_KEY_BYTES = 1024;

/** Throws KeyTooLongError for more than 1,024 bytes of UTF-8. */
export function requireKeyLength(key: string): void {
  const keyBytes = Buffer.byteLength(key);
  if (keyBytes <= MAX_KEY_BYTES) return;
  throw new S3Error('KeyTooLongError', undefined, { Size: String(keyBytes), MaxSizeAllowed: String(MAX_KEY_BYTES) });
}
