import * as z from 'zod';
import { flag, HTTP_URL_FORM, isHttpUrl, list } from './kinds.ts';

/** Standard Webhooks, "Signature scheme": a key has 24 to 64 bytes. */
const SECRET = /^whsec_([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function isWebhookSecret(text: string): boolean {
  const sizeBytes = Buffer.from(text.slice('whsec_'.length), 'base64').length;
  return SECRET.test(text) && sizeBytes >= 24 && sizeBytes <= 64;
}

export const webhookSettings = {
  WEBHOOK_URL: z
    .string()
    .refine((text) => isHttpUrl(text) && !text.includes('#'), `${HTTP_URL_FORM}, and without #`)
    .optional()
    .meta({
      description:
        'Where events are sent, as `https://app.example.com/webhooks/signpost`; with `WEBHOOK_ALLOW_PRIVATE=true` ' +
        'also `http://`. Needs `WEBHOOK_SECRET`.',
      fallback: 'no events are sent or kept',
    }),
  WEBHOOK_SECRET: list
    .pipe(
      z
        .array(z.string().refine(isWebhookSecret, 'must be whsec_ and 24 to 64 bytes in base64, comma-separated'))
        .max(8, 'must be at most 8 secrets'),
    )
    .default([])
    .meta({
      description:
        'Secrets that sign events, comma-separated: `whsec_` and 24 to 64 bytes in base64 ' +
        '(`echo whsec_$(openssl rand -base64 32)`). Each of them signs every event. See ' +
        '[a new secret](webhooks.md#a-new-secret).',
      fallback: 'none',
      example: '',
    }),
  WEBHOOK_ALLOW_PRIVATE: flag.default(false).meta({
    description:
      '`true`: events may be sent to addresses that are not public (private, loopback, link-local), and by `http://`.',
  }),
};
