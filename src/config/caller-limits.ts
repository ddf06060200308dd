/**
 * What one caller may upload: from the app's `authorize`, or from the claim `signpost` of a token. Sizes and types
 * narrow the service's limits; quotas replace the service's.
 */
export type CallerLimits = {
  /** The largest file, in bytes. */
  maxBytes?: number | undefined;
  /** Media types or patterns like `image/*`; at least one. */
  contentTypes?: readonly string[] | undefined;
  /** An upload must have one of these document types. */
  documentTypes?: readonly string[] | undefined;
  /** Every upload must have this record id, and only files with it may be changed. */
  recordId?: string | undefined;
  /**
   * How many held, active and archived files the record may have, or without `recordId` the owner. Files of others in
   * the record count as well. With `quotaFiles`, the lower number applies to an owner.
   */
  maxFiles?: number | undefined;
  /** How many bytes the owner's files may have in all. */
  quotaBytes?: number | undefined;
  /** How many files the owner may have. */
  quotaFiles?: number | undefined;
  /** An ISO 8601 time (RFC 3339) with `Z` or an offset: uploads are presigned before it. Confirming has no end. */
  uploadsUntil?: string | undefined;
};
