import type { FileEncryption } from '../file-encryption.ts';
import { createEncryption } from './create-encryption.ts';
import { EncryptionError } from './encryption-error.ts';
import { parseEnvelope } from './parse-envelope.ts';
import { webCrypto } from './web-crypto.ts';
import { type ContextOptions, KEY_BYTES, unwrapKey, wrapKey } from './wrap-key.ts';

export type { FileEncryption } from '../file-encryption.ts';
export { EncryptionError, type EncryptionErrorCode } from './encryption-error.ts';
export type { Envelope } from './envelope.ts';
export { readEnvelope } from './read-envelope.ts';
export { rewrap } from './rewrap.ts';
export { type PasswordOptions, withPassword } from './with-password.ts';
export type { ContextOptions } from './wrap-key.ts';

/** A key of the app. */
export type NamedKey = {
  /** 1 to 64 of `A-Za-z0-9_-`. It is stored with each file. */
  id: string;
  /** 32 random bytes, or an AES-GCM key of 256 bits that may encrypt and decrypt (it need not be extractable). */
  key: CryptoKey | Uint8Array;
};

/**
 * Encrypts each file with its own random key, which the first of these keys wraps. Decrypts files whose key any of them
 * wrapped. To replace a key, put the new one first.
 * @throws {TypeError} if there is no key, an id is not valid or given twice, or a key does not have 32 bytes.
 * @example
 * const encryption = withKeys([{ id: '2026', key }]);
 * const signpost = createSignpost({ url, token, encryption });
 */
export function withKeys(keys: readonly NamedKey[], { context }: ContextOptions = {}): FileEncryption {
  const [newest] = keys;
  if (newest === undefined) throw new TypeError('give at least one key');
  const byId = new Map(keys.map(({ id, key }) => [id, requireKey(id, key)]));
  if (byId.size < keys.length) throw new TypeError('two keys have the same id');
  const find = async (id: string | null): Promise<CryptoKey> => {
    const key = id === null ? undefined : byId.get(id);
    if (key === undefined) {
      const message = id === null ? 'the file needs a password' : `none of the given keys has the id ${id}`;
      throw new EncryptionError('unknown-key', message);
    }
    if ('algorithm' in key) return key;
    return webCrypto().subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
  };
  return createEncryption({
    wrap: async (fileKey, header) => wrapKey(await find(newest.id), fileKey, `${header}.key.${newest.id}`, context),
    unwrap: async (envelope) => {
      const parsed = parseEnvelope(envelope);
      return unwrapKey(await find(parsed.keyId), parsed, context);
    },
  });
}

function requireKey(id: string, key: CryptoKey | Uint8Array): CryptoKey | Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) throw new TypeError('the id of a key must match [A-Za-z0-9_-]{1,64}');
  if (key instanceof Uint8Array) {
    if (key.length !== KEY_BYTES) throw new TypeError(`the key ${id} must have ${KEY_BYTES} bytes`);
    return new Uint8Array(key);
  }
  const { name, length } = { length: 0, ...key.algorithm };
  const isUsable = key.usages.includes('encrypt') && key.usages.includes('decrypt');
  if (name !== 'AES-GCM' || length !== KEY_BYTES * 8 || !isUsable) {
    throw new TypeError(`the key ${id} must be an AES-GCM key of 256 bits that may encrypt and decrypt`);
  }
  return key;
}
