import { z } from 'zod';
import { contentTypePattern, label } from '../contract/fields.ts';

/** What one caller may upload. Sizes and types narrow the service's limits; quotas replace the service's. */
export const callerLimits = z.strictObject({
  /** The largest file, in bytes. */
  maxBytes: z.int().min(0).optional(),
  /** Media types or patterns like `image/*`. */
  contentTypes: z.array(contentTypePattern).min(1).optional(),
  /** An upload must have one of these document types. */
  documentTypes: z.array(label).min(1).optional(),
  /** How many bytes and files the owner may have. */
  quotaBytes: z.int().min(0).optional(),
  quotaFiles: z.int().min(0).optional(),
});

export type CallerLimits = z.infer<typeof callerLimits>;
