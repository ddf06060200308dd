import { createHash, hkdfSync } from 'node:crypto';
import { CUSTOMER_KEY_BYTES, type MasterKey } from '../config/settings/encryption-settings.ts';

/** The first line binds the keys to this use and version (RFC 5869, section 3.2); no object key can begin another. */
const PURPOSE = 'signpost sse-c v1\n';

/**
 * The key that encrypts one object (SSE-C): HKDF-SHA-256 (RFC 5869) of a master key and the object's whole key. So the
 * key of one object reveals nothing about the key of another, and no key needs to be stored.
 */
function deriveKey({ secret }: MasterKey, objectKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', PURPOSE + objectKey, CUSTOMER_KEY_BYTES));
}

/**
 * What S3 needs to encrypt or to read an object with its own key: "Specifying server-side encryption with
 * customer-provided keys (SSE-C)", S3 User Guide. The key is a secret: never log it.
 */
export type CustomerKey = { algorithm: 'AES256'; key: string; keyMd5: string };

/** The customer's key of an object. */
export function customerKey(master: MasterKey, objectKey: string): CustomerKey {
  const key = deriveKey(master, objectKey);
  return {
    algorithm: 'AES256',
    key: key.toString('base64'),
    keyMd5: createHash('md5').update(key).digest('base64'),
  };
}
