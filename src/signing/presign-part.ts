import type { Credentials } from './credentials.ts';
import { presignUrl, type SignedUrl } from './presign-url.ts';
import type { SigningEndpoint } from './signing-endpoint.ts';

type PartToSign = {
  key: string;
  uploadId: string;
  /** 1 to 10,000. */
  partNumber: number;
  /** `content-length`, and `x-amz-checksum-sha256` if known. All are signed. */
  headers: Readonly<Record<string, string>>;
  /** 1 to 604,800 (a week). */
  expiresInSeconds: number;
};

/** Presigns UploadPart (Amazon S3 API Reference). Bounds, expiry and errors: see `presignUrl`. */
export function presignPart(
  endpoint: SigningEndpoint,
  credentials: Credentials,
  { partNumber, uploadId, ...input }: PartToSign,
  now: Date,
): SignedUrl {
  const query = { partNumber: String(partNumber), uploadId, 'x-id': 'UploadPart' };
  return presignUrl(endpoint, credentials, { ...input, method: 'PUT', query }, now);
}
