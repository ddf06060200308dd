import { EncryptionError } from './encryption-error.ts';
import { NONCE_PREFIX_BYTES, type ParsedEnvelope } from './parse-envelope.ts';
import { webCrypto } from './web-crypto.ts';

/**
 * Bytes of a stored chunk, and of the authentication tag in it. The part size of an upload is a multiple of a chunk.
 */
export const CHUNK_BYTES = 65_536;
export const TAG_BYTES = 16;
/** Bytes of a chunk before encryption. */
export const PLAIN_BYTES = CHUNK_BYTES - TAG_BYTES;

/** An empty file has one empty chunk, so that it is authenticated too. */
export const chunkCount = (plainBytes: number): number => Math.max(1, Math.ceil(plainBytes / PLAIN_BYTES));

/** The size of the stored object. */
export const storedBytes = (plainBytes: number): number => plainBytes + TAG_BYTES * chunkCount(plainBytes);

/** Encrypts and decrypts single chunks of one file. */
export type ChunkCipher = {
  seal: (index: number, plain: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;
  /** @throws {EncryptionError} `tampered`. */
  open: (index: number, stored: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;
};

/**
 * AES-256-GCM in chunks, by the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated
 * Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): the nonce has the number of the chunk and whether it
 * is the last one, so that no chunk can be left out, moved, repeated or taken from another file.
 */
export async function createChunkCipher(
  fileKey: Uint8Array,
  { header, noncePrefix, size }: Pick<ParsedEnvelope, 'header' | 'noncePrefix' | 'size'>,
): Promise<ChunkCipher> {
  const subtle = webCrypto().subtle;
  const key = await subtle.importKey('raw', new Uint8Array(fileKey), 'AES-GCM', false, ['encrypt', 'decrypt']);
  const additionalData = new TextEncoder().encode(header);
  const last = chunkCount(size) - 1;
  const algorithm = (index: number) => {
    const iv = new Uint8Array(12);
    iv.set(noncePrefix);
    new DataView(iv.buffer).setUint32(NONCE_PREFIX_BYTES, index);
    iv[11] = index === last ? 1 : 0;
    return { name: 'AES-GCM', iv, additionalData };
  };
  return {
    seal: (index, plain) => subtle.encrypt(algorithm(index), key, plain),
    open: (index, stored) =>
      subtle.decrypt(algorithm(index), key, stored).catch((cause: unknown) => {
        throw new EncryptionError('tampered', 'the stored bytes are not those that were encrypted', { cause });
      }),
  };
}
