export type EncryptionErrorCode = 'wrong-key' | 'unknown-key' | 'tampered' | 'not-encrypted' | 'unsupported';

/**
 * Why a file cannot be encrypted or decrypted. Switch on `code`:
 * - `wrong-key`: the key, the password or the context is not the file's, or its envelope was changed.
 * - `unknown-key`: none of the given keys has the id that the file names, or it needs a password and keys were given.
 * - `tampered`: the stored bytes are not those that were encrypted.
 * - `not-encrypted`: according to the service, the file is not encrypted.
 * - `unsupported`: another version of the format, too few or too many iterations, or no WebCrypto (a page without TLS).
 */
export class EncryptionError extends Error {
  override readonly name = 'EncryptionError';
  readonly code: EncryptionErrorCode;

  constructor(code: EncryptionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
