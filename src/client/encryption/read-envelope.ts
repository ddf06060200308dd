import type { Envelope } from './envelope.ts';
import { parseEnvelope } from './parse-envelope.ts';

/**
 * What the `encryption` of a file says, to show sizes and to find the files of an old key. This is not verified; only
 * decrypting verifies it.
 * @throws {EncryptionError} `unsupported`.
 * @example const { size, keyId } = readEnvelope(file.encryption);
 */
export function readEnvelope(encryption: string): Envelope {
  const { size, contentType, keyId } = parseEnvelope(encryption);
  return { size, contentType, keyId };
}
