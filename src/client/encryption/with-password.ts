import type { FileEncryption } from '../file-encryption.ts';
import { toBase64Url } from './base64url.ts';
import { createEncryption } from './create-encryption.ts';
import { EncryptionError } from './encryption-error.ts';
import { parseEnvelope } from './parse-envelope.ts';
import { randomBytes, webCrypto } from './web-crypto.ts';
import { type ContextOptions, unwrapKey, wrapKey } from './wrap-key.ts';

/** The minimum for PBKDF2 with HMAC-SHA-256 (OWASP Password Storage Cheat Sheet). */
const MIN_ITERATIONS = 600_000;
/** The maximum, so that a changed envelope cannot keep a page busy for minutes. */
const MAX_ITERATIONS = 10_000_000;
const SALT_BYTES = 16;

export type PasswordOptions = ContextOptions & {
  /** Of PBKDF2 for new files: 600,000 to 10,000,000. Each doubles the work of guessing. Default 600,000. */
  iterations?: number | undefined;
};

/**
 * Encrypts each file with its own random key, which is wrapped with a key derived from the password (PBKDF2 with
 * HMAC-SHA-256, RFC 8018, and a random salt). Deriving it takes a fraction of a second, once for each object that this
 * returns, and once for each other salt among the files to decrypt. For a memory-hard derivation, derive the key
 * yourself and use `withKeys`.
 * @param password is normalized to NFC, so that the same characters always give the same bytes (RFC 8265, section 4.2).
 * @throws {TypeError} for an empty password, or iterations out of bounds.
 * @example const files = createFiles({ url, token, encryption: withPassword(input.value) });
 */
export function withPassword(password: string, options: PasswordOptions = {}): FileEncryption {
  const { iterations = MIN_ITERATIONS, context } = options;
  if (password === '') throw new TypeError('the password is empty');
  if (!areAllowed(iterations)) throw new TypeError(`iterations must be ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`);
  const derived = new Map<string, Promise<CryptoKey>>();
  const derive = (rounds: number, salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> => {
    const name = `${rounds}.${toBase64Url(salt)}`;
    const known = derived.get(name) ?? deriveKey(password, rounds, salt);
    derived.set(name, known);
    return known;
  };
  let salt: Uint8Array<ArrayBuffer> | undefined;
  return createEncryption({
    wrap: async (fileKey, header) => {
      salt ??= randomBytes(SALT_BYTES);
      const key = await derive(iterations, salt);
      return wrapKey(key, fileKey, `${header}.password.${iterations}.${toBase64Url(salt)}`, context);
    },
    unwrap: async (envelope) => {
      const parsed = parseEnvelope(envelope);
      if (parsed.password === null) throw new EncryptionError('unknown-key', `the file needs the key ${parsed.keyId}`);
      const { iterations: rounds, salt: ofFile } = parsed.password;
      if (!areAllowed(rounds)) throw new EncryptionError('unsupported', `the file asks for ${rounds} iterations`);
      return unwrapKey(await derive(rounds, ofFile), parsed, context);
    },
  });
}

function areAllowed(iterations: number): boolean {
  return Number.isInteger(iterations) && iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS;
}

async function deriveKey(password: string, iterations: number, salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const { subtle } = webCrypto();
  const bytes = new TextEncoder().encode(password.normalize('NFC'));
  const base = await subtle.importKey('raw', bytes, 'PBKDF2', false, ['deriveKey']);
  const derivation = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  return subtle.deriveKey(derivation, base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}
