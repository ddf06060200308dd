import type { Sse } from '../config/config.ts';

/** Encryption at rest as parameters of the SDK's commands; empty for the bucket's default. */
export function encryptionOf({ mode, kmsKeyId }: Sse) {
  switch (mode) {
    case 'none':
      return {};
    case 's3':
      return { ServerSideEncryption: 'AES256' as const };
    case 'kms':
      return { ServerSideEncryption: 'aws:kms' as const, ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }) };
  }
}
