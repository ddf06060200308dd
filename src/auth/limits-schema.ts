import * as z from 'zod';
import type { CallerLimits } from '../config/caller-limits.ts';
import { contentTypePattern, label } from '../contract/fields.ts';

/** The schema of `CallerLimits`: an unknown limit is refused, since it would be ignored. */
export const limitsSchema = z.strictObject({
  maxBytes: z.int().min(0).optional(),
  contentTypes: z.array(contentTypePattern).min(1).optional(),
  documentTypes: z.array(label).min(1).optional(),
  recordId: label.optional(),
  maxFiles: z.int().min(0).optional(),
  quotaBytes: z.int().min(0).optional(),
  quotaFiles: z.int().min(0).optional(),
  uploadsUntil: z.iso.datetime({ offset: true }).optional(),
} satisfies Record<keyof CallerLimits, z.ZodType>);
