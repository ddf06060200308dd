import { toBase64Url } from './base64url.ts';
import { EncryptionError } from './encryption-error.ts';
import type { ParsedEnvelope } from './parse-envelope.ts';
import { randomBytes, webCrypto } from './web-crypto.ts';

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;

export type ContextOptions = {
  /**
   * What the files belong to, such as a record's id. It is not stored. A file can only be opened with the same context,
   * so the service cannot answer with the file of another record. Default: none.
   */
  context?: string | undefined;
};

/**
 * The envelope: `sealed`, and the file's key, encrypted by AES-256-GCM with a random nonce. One key may wrap 2^32 times
 * (NIST SP 800-38D, section 8.3).
 */
export async function wrapKey(
  key: CryptoKey,
  fileKey: Uint8Array,
  sealed: string,
  context: string | undefined,
): Promise<string> {
  const iv = randomBytes(NONCE_BYTES);
  const wrapped = await webCrypto().subtle.encrypt(algorithm(iv, sealed, context), key, new Uint8Array(fileKey));
  return `${sealed}.${toBase64Url(iv)}${toBase64Url(new Uint8Array(wrapped))}`;
}

/** @throws {EncryptionError} `wrong-key`, also for an envelope that was changed. */
export async function unwrapKey(
  key: CryptoKey,
  { sealed, wrappedKey }: ParsedEnvelope,
  context: string | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const iv = wrappedKey.subarray(0, NONCE_BYTES);
  try {
    const wrapped = wrappedKey.subarray(NONCE_BYTES);
    return new Uint8Array(await webCrypto().subtle.decrypt(algorithm(iv, sealed, context), key, wrapped));
  } catch (cause) {
    throw new EncryptionError(
      'wrong-key',
      'the key or the context is not the one of the file, or its envelope was changed',
      { cause },
    );
  }
}

function algorithm(iv: Uint8Array<ArrayBuffer>, sealed: string, context: string | undefined) {
  const text = context === undefined ? sealed : `${sealed}\n${context}`;
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(text) };
}
