import type { Sse } from '../config/slices.ts';

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

/** The headers that ask for encryption at rest (S3 API Reference, PutObject); empty: the bucket's own default. */
export function encryptionHeaders(sse: Sse): Record<string, string> {
  switch (sse.mode) {
    case 'none':
      return {};
    case 's3':
      return { 'x-amz-server-side-encryption': 'AES256' };
    case 'kms':
      return {
        'x-amz-server-side-encryption': 'aws:kms',
        ...(sse.kmsKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': sse.kmsKeyId }),
      };
  }
}
