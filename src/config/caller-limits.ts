/** What one caller may upload. Sizes and types narrow the service's limits; quotas replace the service's. */
export type CallerLimits = {
  /** The largest file, in bytes. */
  maxBytes?: number | undefined;
  /** Media types or patterns like `image/*`; at least one. */
  contentTypes?: readonly string[] | undefined;
  /** An upload must have one of these document types. */
  documentTypes?: readonly string[] | undefined;
  /** How many bytes the owner's files may have in all. */
  quotaBytes?: number | undefined;
  /** How many files the owner may have. */
  quotaFiles?: number | undefined;
};
