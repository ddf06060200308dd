import * as z from 'zod';
import { text } from './kinds.ts';

export const receiptSettings = {
  RECEIPT_KEYS: z
    .string()
    .optional()
    .meta({
      description:
        'Keys of receipts, Ed25519 or P-256: PEM (`openssl genpkey -algorithm ed25519`; `\\n` for line ends is ' +
        'fine), several one after another; the base64 of it; a JWK or a JWK Set. The first is private and signs; the ' +
        'others are only published, so a public key is enough. See [new keys](receipts.md#new-keys).',
      fallback: 'no receipts; in development with the embedded bucket or database a key that is made once',
    }),
  RECEIPT_ISSUER: text.min(1).max(256).default('signpost').meta({
    description: 'The `iss` of receipts: best the URL of the service. Never change it: verifiers expect it.',
  }),
};
