import type { FileEncryption, KeyWrapping } from '../file-encryption.ts';
import { createChunkCipher, storedBytes } from './chunk-cipher.ts';
import { decryptRange } from './decrypt-range.ts';
import { encryptFile } from './encrypt-file.ts';
import { EncryptionError } from './encryption-error.ts';
import { formatHeader, NONCE_PREFIX_BYTES, parseEnvelope } from './parse-envelope.ts';
import { randomBytes } from './web-crypto.ts';
import { KEY_BYTES } from './wrap-key.ts';

export function createEncryption(wrapping: KeyWrapping): FileEncryption {
  const openCipher = async (envelope: string) =>
    createChunkCipher(await wrapping.unwrap(envelope), parseEnvelope(envelope));

  /** null if the envelope belongs to another file, or this key does not open it: then the upload begins again. */
  const continueWith = async (file: Blob, envelope: string) => {
    try {
      if (parseEnvelope(envelope).size !== file.size) return null;
      return encryptFile(file, await openCipher(envelope), envelope);
    } catch (error) {
      if (error instanceof EncryptionError) return null;
      throw error;
    }
  };

  return {
    wrapping,
    encrypt: async (file, contentType, earlier) => {
      const continued = earlier === undefined ? null : await continueWith(file, earlier);
      if (continued !== null) return continued;
      const header = formatHeader(randomBytes(NONCE_PREFIX_BYTES), file.size, contentType);
      const envelope = await wrapping.wrap(randomBytes(KEY_BYTES), header);
      return encryptFile(file, await openCipher(envelope), envelope);
    },
    async *decrypt({ encryption, size: storedSize }, range, read) {
      if (encryption === null) throw new EncryptionError('not-encrypted', 'the file is not encrypted');
      const cipher = await openCipher(encryption);
      const { size } = parseEnvelope(encryption);
      if (storedSize !== storedBytes(size)) {
        throw new EncryptionError('tampered', `the object has ${storedSize} bytes instead of ${storedBytes(size)}`);
      }
      yield* decryptRange(cipher, size, range, read);
    },
  };
}
