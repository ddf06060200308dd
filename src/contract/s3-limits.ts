/** What S3 allows at most, and at least: S3 User Guide, "Amazon S3 multipart upload limits". */

/** Bytes in one PUT, part or copy, at most: 5 GiB. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;
/** Bytes in every part but the last, at least: 5 MiB. */
export const MIN_PART_BYTES = 5 * 1024 ** 2;
/** Parts of an upload, numbered from 1, at most. */
export const MAX_PARTS = 10_000;
/** Bytes in an object, at most: 5 TiB. */
export const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/** SigV4 query signatures live at most 7 days (S3 API Reference, "Authenticating Requests: Using Query Parameters"). */
export const MAX_URL_TTL_SECONDS = 604_800;
