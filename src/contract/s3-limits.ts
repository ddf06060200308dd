/** S3's limits: S3 User Guide, "Amazon S3 multipart upload limits". */

/** Maximum size of one PUT, part, form or CopyObject: 5 GiB. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;
/** Minimum size of every part but the last: 5 MiB. */
export const MIN_PART_BYTES = 5 * 1024 ** 2;
/** Maximum number of parts, numbered from 1. */
export const MAX_PARTS = 10_000;
/** Maximum size of an object: 5 TiB. */
export const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/**
 * SigV4 query signatures are valid for at most 7 days (S3 API Reference, "Authenticating Requests: Using Query
 * Parameters").
 */
export const MAX_URL_TTL_SECONDS = 604_800;
