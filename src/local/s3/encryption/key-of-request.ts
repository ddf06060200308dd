import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { S3Error } from '../s3-error.ts';

/** A key that a request brings (S3 User Guide, "Using server-side encryption with customer-provided keys (SSE-C)"). */
export type CustomerKey = { bytes: Buffer; md5: string };

/** What is kept of a key to recognize it, as S3 keeps it: a salted HMAC. Neither key nor MD5 can be found from it. */
export type KeyCheck = { salt: string; hmac: string };

const OF_OBJECT = 'x-amz-server-side-encryption-customer-';
const OF_SOURCE = 'x-amz-copy-source-server-side-encryption-customer-';
const PARTS = ['algorithm', 'key', 'key-md5'] as const;
const KEY_BYTES = 32;

/** The request headers of SSE-C. */
export const KEY_HEADERS: readonly string[] = PARTS.map((part) => OF_OBJECT + part);
/** The same for the source of a copy. */
export const SOURCE_KEY_HEADERS: readonly string[] = PARTS.map((part) => OF_SOURCE + part);

const REQUIRED = 'Requests specifying Server Side Encryption with Customer provided keys must provide';
const MESSAGES = {
  algorithm: `${REQUIRED} a valid encryption algorithm.`,
  key: `${REQUIRED} an appropriate secret key.`,
  'key-md5': `${REQUIRED} the client calculated MD5 of the secret key.`,
};

/**
 * The key in a request's headers; null if it has none. Throws InvalidArgument for a missing or malformed header and for
 * an MD5 that is not the key's, InvalidEncryptionAlgorithmError for another algorithm than AES256.
 */
export function readCustomerKey(
  headers: ReadonlyMap<string, string>,
  of: 'object' | 'source' = 'object',
): CustomerKey | null {
  const prefix = of === 'object' ? OF_OBJECT : OF_SOURCE;
  const invalid = (part: (typeof PARTS)[number], message: string = MESSAGES[part]) =>
    new S3Error('InvalidArgument', message, { ArgumentName: prefix + part });
  if (!PARTS.some((part) => headers.has(prefix + part))) return null;
  const [algorithm, text = '', md5 = ''] = PARTS.map((part) => headers.get(prefix + part) || undefined);
  if (algorithm === undefined) throw invalid('algorithm');
  if (algorithm !== 'AES256') {
    throw new S3Error('InvalidEncryptionAlgorithmError', undefined, { ArgumentName: `${prefix}algorithm` });
  }
  if (text === '') throw invalid('key');
  if (md5 === '') throw invalid('key-md5');
  if (of === 'object' && headers.has('x-amz-server-side-encryption')) {
    const message =
      'Server Side Encryption with Customer provided key is incompatible with the encryption method specified';
    throw new S3Error('InvalidArgument', message, { ArgumentName: 'x-amz-server-side-encryption' });
  }
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) {
    throw invalid('key', 'The secret key was invalid for the specified algorithm.');
  }
  if (createHash('md5').update(bytes).digest('base64') !== md5) {
    throw invalid('key-md5', 'The calculated MD5 hash of the key did not match the hash that was provided.');
  }
  return { bytes, md5 };
}

/** What to keep of the key of a new object; nothing without a key. */
export function keepKey(key: CustomerKey | null): { customerKey?: KeyCheck } {
  if (key === null) return {};
  const salt = randomBytes(16).toString('base64');
  return { customerKey: { salt, hmac: hmacOf(key, salt).toString('base64') } };
}

/**
 * Throws InvalidRequest if the object has a key and the request none or the reverse, AccessDenied for another key. What
 * AWS answers.
 */
export function requireKey({ customerKey }: { customerKey?: KeyCheck }, key: CustomerKey | null): void {
  if (customerKey === undefined && key === null) return;
  if (customerKey === undefined) {
    throw new S3Error('InvalidRequest', 'The encryption parameters are not applicable to this object.');
  }
  if (key === null) {
    throw new S3Error(
      'InvalidRequest',
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to ' +
        'retrieve the object.',
    );
  }
  if (!isKey(customerKey, key)) throw new S3Error('AccessDenied');
}

/** Throws InvalidRequest unless a request of an upload in parts brings the key that the upload began with. */
export function requireSameKey({ customerKey }: { customerKey?: KeyCheck }, key: CustomerKey | null): void {
  if (customerKey === undefined && key === null) return;
  if (customerKey === undefined) {
    const message =
      'The multipart upload initiate did not request encryption. Please resend the request without sending ' +
      'encryption parameters.';
    throw new S3Error('InvalidRequest', message);
  }
  if (key === null) {
    const message =
      'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate ' +
      'encryption parameters.';
    throw new S3Error('InvalidRequest', message);
  }
  if (!isKey(customerKey, key)) {
    const message = 'The provided encryption parameters did not match the ones used originally.';
    throw new S3Error('InvalidRequest', message);
  }
}

/**
 * The same for listing or completing the parts: S3 needs the key only if the upload began with a checksum (S3 API
 * Reference, ListParts and CompleteMultipartUpload).
 */
export function requireKeyOfParts(
  upload: { customerKey?: KeyCheck; checksum: unknown },
  key: CustomerKey | null,
): void {
  if (key !== null || upload.checksum !== null) requireSameKey(upload, key);
}

/** The headers of an answer about an object with this key. */
export function keyHeaders(key: CustomerKey | null): [string, string][] {
  return key === null
    ? []
    : [
        [`${OF_OBJECT}algorithm`, 'AES256'],
        [`${OF_OBJECT}key-md5`, key.md5],
      ];
}

/** The ETag of new bytes, with quotes: their MD5; with a key a random one, since an MD5 would tell about the bytes. */
export function etagOf(md5Hex: string, key: CustomerKey | null): string {
  return `"${key === null ? md5Hex : randomBytes(16).toString('hex')}"`;
}

function isKey({ salt, hmac }: KeyCheck, key: CustomerKey): boolean {
  return timingSafeEqual(hmacOf(key, salt), Buffer.from(hmac, 'base64'));
}

function hmacOf({ bytes }: CustomerKey, salt: string): Buffer {
  return createHmac('sha256', bytes).update(Buffer.from(salt, 'base64')).digest();
}
