import type { FileEncryption } from '../file-encryption.ts';
import { parseEnvelope } from './parse-envelope.ts';

/**
 * Wraps a file's key again, with another key or password; the file itself stays as it is. Save the result with
 * `files.update(fileId, { encryption })`.
 * @param from opens the file as it is now.
 * @param to opens it from now on. Default: the first key of `from`.
 * @throws {EncryptionError} `wrong-key`, `unknown-key`, `unsupported`.
 * @example await files.update(fileId, { encryption: await rewrap(file.encryption, withKeys([newKey, oldKey])) });
 */
export async function rewrap(encryption: string, from: FileEncryption, to: FileEncryption = from): Promise<string> {
  const fileKey = await from.wrapping.unwrap(encryption);
  return to.wrapping.wrap(fileKey, parseEnvelope(encryption).header);
}
