/**
 * Headers with which a signed upload becomes something else, in a store that does not mind that nobody signed them: a copy
 * of any object its signer may read, over whatever is under the key by now; an object that others may read or write; a
 * redirect (Amazon S3 API Reference, CopyObject and PutObject).
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
