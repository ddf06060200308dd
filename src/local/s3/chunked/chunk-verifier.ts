import { createHash } from 'node:crypto';
import { S3Error } from '../s3-error.ts';
import { isSignature, signWith } from '../signature/compute-signature.ts';

/** What the signatures of the chunks need from the signature of the request. */
export type ChunkSigning = {
  signingKey: Buffer;
  /** `YYYYMMDDTHHMMSSZ`. */
  timestamp: string;
  scope: string;
  /** The signature of the request itself, in hex. */
  seed: string;
};

export type ChunkVerifier = ReturnType<typeof createChunkVerifier>;

const EMPTY_SHA256 = createHash('sha256').digest('hex');

/**
 * Verifies chunk after chunk: the S3 reference, "Signature Calculations for the Authorization Header: Transferring
 * Payload in Multiple Chunks", and with trailing headers "… with Trailers". Each signature covers the previous one,
 * so no chunk can be left out, moved or repeated. `endChunk` and `endTrailer` throw SignatureDoesNotMatch.
 */
export function createChunkVerifier({ signingKey, timestamp, scope, seed }: ChunkSigning) {
  let previous = seed;
  let sha256 = createHash('sha256');

  function requireSignature(algorithm: string, hashes: readonly string[], provided: string): void {
    const stringToSign = [algorithm, timestamp, scope, previous, ...hashes].join('\n');
    if (!isSignature(signWith(signingKey, stringToSign), provided)) {
      throw new S3Error('SignatureDoesNotMatch', undefined, {
        StringToSign: stringToSign,
        SignatureProvided: provided,
      });
    }
    previous = provided;
  }

  return {
    update: (bytes: Buffer) => void sha256.update(bytes),
    endChunk(signature: string) {
      const hash = sha256.digest('hex');
      sha256 = createHash('sha256');
      requireSignature('AWS4-HMAC-SHA256-PAYLOAD', [EMPTY_SHA256, hash], signature);
    },
    /** `lines` are the trailing headers without the signature, each ending in a line feed. */
    endTrailer(lines: string, signature: string) {
      const hash = createHash('sha256').update(lines, 'latin1').digest('hex');
      requireSignature('AWS4-HMAC-SHA256-TRAILER', [hash], signature);
    },
  };
}
