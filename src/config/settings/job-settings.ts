import * as z from 'zod';
import { flag, integer, list, secret } from './kinds.ts';
import { MIN_EVENTS_SECRET_BYTES } from './secrets.ts';

export const jobSettings = {
  JOBS_INTERVAL_SECONDS: integer(0, 7 * 86_400, 'seconds')
    .optional()
    .meta({
      description: 'How often each instance tries to sweep the bucket and to seal the audit log; 0: never.',
      fallback: '`3600`; `0` for a configured bucket with an embedded database, which may lack rows of existing files',
      example: '3600',
    }),
  AUDIT_PRESIGN: flag.default(false).meta({
    description:
      '`true`: also adds a row to the audit log for each presigned upload, if the database answers. ' +
      'See [audit log](operating.md#audit-log).',
  }),
  EVENTS_SECRET: secret
    .min(MIN_EVENTS_SECRET_BYTES, 'must have at least 16 characters')
    .optional()
    .meta({
      description:
        'Secrets for unsigned bucket events (`Authorization: Bearer`, or `?secret=`), 16 characters or ' +
        'more each; several are separated by commas or line breaks. See [bucket events](bucket-events.md).',
      fallback: 'unsigned events are refused',
    }),
  EVENTS_SNS_TOPICS: list
    .pipe(z.array(z.string().regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/, 'must be ARNs of SNS topics')))
    .default([])
    .meta({
      description: 'ARNs of the SNS topics whose signed bucket events are accepted, comma-separated.',
      fallback: 'none',
      example: 'arn:aws:sns:eu-central-1:123456789012:uploads',
    }),
};
