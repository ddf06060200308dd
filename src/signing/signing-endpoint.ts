/** Where a bucket's requests go and what they are signed for, as found by `resolveEndpoint`. */
export type SigningEndpoint = {
  /** The bucket's name or ARN. */
  bucket: string;
  /** `https:` or `http:`. */
  protocol: string;
  /** Includes the port unless it is the protocol's default: the client's `Host` header. */
  host: string;
  /** The encoded path before `/{key}`: empty for virtual-hosted style, `/{bucket}` for path style. */
  basePath: string;
  region: string;
  service: string;
  /** Header names, in lower case, that are signed as absent in every write. Default: none. */
  absentHeaders?: readonly string[];
};

/**
 * The headers to sign as absent for a store that accepts unsigned ones. They change what a signed upload does: they
 * copy any object that the signer may read, make the object readable or writable by others, or redirect (Amazon S3 API
 * Reference, CopyObject and PutObject).
 */
export const HARMFUL_HEADERS = [
  'x-amz-acl',
  'x-amz-copy-source',
  'x-amz-grant-full-control',
  'x-amz-grant-read',
  'x-amz-grant-read-acp',
  'x-amz-grant-write',
  'x-amz-grant-write-acp',
  'x-amz-website-redirect-location',
] as const;
