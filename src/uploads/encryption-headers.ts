import type { Sse } from '../config/config.ts';

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
