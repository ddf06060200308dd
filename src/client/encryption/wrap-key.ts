import { toBase64Url } from './base64url.ts';
import { EncryptionError } from './encryption-error.ts';
import type { ParsedEnvelope } from './parse-envelope.ts';
import { randomBytes, webCrypto } from './web-crypto.ts';

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;

/**
 * The envelope: `sealed`, and the file's key, encrypted by AES-256-GCM with a random nonce. One key may wrap 2^32 times
 * (NIST SP 800-38D, section 8.3).
 */
export async function wrapKey(key: CryptoKey, fileKey: Uint8Array, sealed: string): Promise<string> {
  const iv = randomBytes(NONCE_BYTES);
  const wrapped = await webCrypto().subtle.encrypt(algorithm(iv, sealed), key, new Uint8Array(fileKey));
  return `${sealed}.${toBase64Url(iv)}${toBase64Url(new Uint8Array(wrapped))}`;
}

/** @throws {EncryptionError} `wrong-key`, also for an envelope that was changed. */
export async function unwrapKey(
  key: CryptoKey,
  { sealed, wrappedKey }: ParsedEnvelope,
): Promise<Uint8Array<ArrayBuffer>> {
  const iv = wrappedKey.subarray(0, NONCE_BYTES);
  try {
    const fileKey = await webCrypto().subtle.decrypt(algorithm(iv, sealed), key, wrappedKey.subarray(NONCE_BYTES));
    return new Uint8Array(fileKey);
  } catch (cause) {
    throw new EncryptionError('wrong-key', 'the key does not open the file, or its envelope was changed', { cause });
  }
}

function algorithm(iv: Uint8Array<ArrayBuffer>, sealed: string) {
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(sealed) };
}
