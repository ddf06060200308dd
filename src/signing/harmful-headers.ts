/**
 * Headers that change what a signed upload does, in a store that accepts unsigned headers: they copy any object that
 * the signer may read, make the object readable or writable by others, or redirect (Amazon S3 API Reference, CopyObject
 * and PutObject).
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
