import { EncryptionError } from './encryption-error.ts';

/** @throws {EncryptionError} `unsupported` on pages without TLS, where browsers have no `crypto.subtle`. */
export function webCrypto(): Crypto {
  const { crypto } = globalThis;
  if (crypto?.subtle === undefined) throw new EncryptionError('unsupported', 'WebCrypto needs a page with TLS');
  return crypto;
}

export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return webCrypto().getRandomValues(new Uint8Array(length));
}
