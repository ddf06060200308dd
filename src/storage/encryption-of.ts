import type { Sse } from '../config/config.ts';

/** Encryption at rest as the SDK's commands take it; nothing: the bucket's own default. */
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
