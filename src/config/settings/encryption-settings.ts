import * as z from 'zod';
import { flag, text } from './kinds.ts';

/** A secret from which the keys of objects are derived (SSE-C), and its name. */
export type MasterKey = { id: string; secret: Buffer };

/**
 * The length of a customer's key: S3 User Guide, "Using server-side encryption with customer-provided keys (SSE-C)".
 */
export const CUSTOMER_KEY_BYTES = 32;

/** A name appears in the metadata of objects, in ids of uploads and in the database. */
const MASTER_KEY_ID_PATTERN = /^[A-Za-z0-9_-]{1,16}$/;

const MASTER_KEYS_FORM =
  'must be one or more id:key, separated by commas; an id has 1 to 16 of [A-Za-z0-9_-], a key is the base64 of ' +
  `${CUSTOMER_KEY_BYTES} random bytes (openssl rand -base64 ${CUSTOMER_KEY_BYTES}); no id and no key twice`;

const CONTEXT_FORM = 'must be a JSON object with 1 to 10 texts of printable ASCII, at most 1,024 bytes';

/** `k2:<base64>,k1:<base64>`; undefined if it is anything else. */
function parseMasterKeys(text: string): MasterKey[] | undefined {
  const keys = text
    .split(/[,\n]/)
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => {
      const [id = '', key = ''] = item.split(':', 2);
      const secret = Buffer.from(key, 'base64');
      const isKey = secret.length === CUSTOMER_KEY_BYTES && item === `${id}:${secret.toString('base64')}`;
      return isKey && MASTER_KEY_ID_PATTERN.test(id) ? { id, secret } : undefined;
    })
    .filter((key) => key !== undefined);
  const count = text.split(/[,\n]/).filter((item) => item.trim() !== '').length;
  const hasTwins =
    new Set(keys.map(({ id }) => id)).size < count || new Set(keys.map((k) => k.secret.toString('hex'))).size < count;
  return keys.length === 0 || hasTwins ? undefined : keys;
}

/** The pairs of a JSON object, sorted by name; undefined if it is anything else. */
function parseContext(text: string): [name: string, value: string][] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const pairs = z.record(z.string().regex(/^[ -~]+$/), z.string().regex(/^[ -~]+$/)).safeParse(value);
  if (!pairs.success || text.length > 1024) return undefined;
  const entries = Object.entries(pairs.data).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length >= 1 && entries.length <= 10 ? entries : undefined;
}

/** A text that `parse` reads; `form` says which texts those are. */
const parsed = <Value>(parse: (text: string) => Value | undefined, form: string) =>
  z.string().transform((text, context): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: form });
    return z.NEVER;
  });

export const encryptionSettings = {
  SSE_MODE: z
    .enum(['none', 's3', 'kms', 'c'])
    .default('none')
    .meta({
      description:
        "Encryption at rest, signed into every upload: `none` (the bucket's own default), `s3` (SSE-S3), `kms` " +
        '(SSE-KMS) or `c` (SSE-C: the store needs a key for every read, and keeps none).',
    }),
  SSE_C_MASTER_KEYS: parsed(parseMasterKeys, MASTER_KEYS_FORM)
    .optional()
    .meta({
      description:
        'For `SSE_MODE=c`, comma-separated `id:key`, each key the base64 of 32 random bytes. The key of an object is ' +
        'derived from one of these and its object key. The first is for new objects, the others read older ones ' +
        'until `signpost rekey` has encrypted them again. **If a key is lost, its files are lost.**',
    }),
  SSE_KMS_KEY_ID: text.optional().meta({
    description: 'Key id or ARN for `SSE_MODE=kms`.',
    fallback: "the account's `aws/s3` key",
  }),
  SSE_KMS_CONTEXT: parsed(parseContext, CONTEXT_FORM)
    .optional()
    .meta({
      description:
        'Encryption context for `SSE_MODE=kms`, a JSON object of texts: KMS authenticates it, logs it, and key ' +
        "policies can require it. `{owner}` in a value stands for the id of the file's owner, as its key has it.",
      example: '{"application":"signpost","owner":"{owner}"}',
    }),
  SSE_KMS_BUCKET_KEY: flag.optional().meta({
    description:
      '`true`: an S3 Bucket Key, which saves most requests to KMS (`SSE_MODE=kms`); `false`: a request for each.',
    fallback: "the bucket's own default",
    example: 'true',
  }),
};
