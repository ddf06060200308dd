import * as z from 'zod';
import { bucketSettings } from './settings/bucket-settings.ts';
import { credentialSettings } from './settings/credential-settings.ts';
import { databaseSettings } from './settings/database-settings.ts';
import { encryptionSettings } from './settings/encryption-settings.ts';
import { jobSettings } from './settings/job-settings.ts';
import { receiptSettings } from './settings/receipt-settings.ts';
import { serviceSettings } from './settings/service-settings.ts';
import { tokenSettings } from './settings/token-settings.ts';
import { uploadSettings } from './settings/upload-settings.ts';
import { webhookSettings } from './settings/webhook-settings.ts';

/** Every setting, by the name of its environment variable. An empty variable counts as unset. */
export const settings = z.object({
  ...serviceSettings,
  ...bucketSettings,
  ...encryptionSettings,
  ...credentialSettings,
  ...databaseSettings,
  ...tokenSettings,
  ...uploadSettings,
  ...receiptSettings,
  ...jobSettings,
  ...webhookSettings,
});

export type Settings = z.infer<typeof settings>;

/** The groups of `.env.example` and `docs/settings.md`, in order; `intro` is Markdown. */
export const SETTING_GROUPS: readonly { title: string; intro?: string; settings: Readonly<z.ZodRawShape> }[] = [
  { title: 'Service', settings: serviceSettings },
  { title: 'Bucket', settings: bucketSettings },
  {
    title: 'Encryption at rest',
    intro: 'What is encrypted where, and who can read it: [encryption](encryption.md).',
    settings: encryptionSettings,
  },
  {
    title: 'Temporary credentials',
    intro: "Credentials for a caller's own prefix of the bucket: [temporary credentials](temporary-credentials.md).",
    settings: credentialSettings,
  },
  { title: 'Database', settings: databaseSettings },
  {
    title: 'Tokens',
    intro:
      'At least one of `JWT_SECRET`, `JWT_PUBLIC_KEY` and `JWKS_URL`; development needs none: a secret is created ' +
      'once in `DATA_DIR`. Settings for the usual issuers: [issuers](issuers.md).',
    settings: tokenSettings,
  },
  { title: 'Uploads and downloads', settings: uploadSettings },
  {
    title: 'Receipts',
    intro: 'Signed answers to confirmations, which others can verify: [receipts](receipts.md).',
    settings: receiptSettings,
  },
  { title: 'Jobs, audit log, bucket events', settings: jobSettings },
  {
    title: 'Webhooks',
    intro: 'Events of uploads and files, sent to your server: [webhooks](webhooks.md).',
    settings: webhookSettings,
  },
];
