import type { ChunkSigning } from '../chunked/chunk-verifier.ts';
import { S3Error } from '../s3-error.ts';

/** What the signature of a request says about its body. */
export type Payload =
  | { kind: 'unsigned' }
  /** Lower-case hex. */
  | { kind: 'hashed'; sha256Hex: string }
  /** The `aws-chunked` encoding; `signing` is null if the chunks are not signed. */
  | { kind: 'chunked'; hasTrailer: boolean; signing: ChunkSigning | null };

/**
 * Reads the value of `x-amz-content-sha256`: the S3 reference, "Authenticating Requests: Using the Authorization
 * Header".
 */
export function readPayload(payloadHash: string, signing: ChunkSigning): Payload {
  switch (payloadHash) {
    case 'UNSIGNED-PAYLOAD':
      return { kind: 'unsigned' };
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { kind: 'chunked', hasTrailer: true, signing: null };
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { kind: 'chunked', hasTrailer: false, signing };
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { kind: 'chunked', hasTrailer: true, signing };
  }
  if (/^[0-9a-f]{64}$/.test(payloadHash)) return { kind: 'hashed', sha256Hex: payloadHash };
  if (payloadHash.startsWith('STREAMING-')) throw new S3Error('NotImplemented', `${payloadHash} is not implemented`);
  throw new S3Error('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.', {
    ArgumentName: 'x-amz-content-sha256',
    ArgumentValue: payloadHash,
  });
}
