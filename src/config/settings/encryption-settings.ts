import * as z from 'zod';
import { readAs } from '../../contract/fields.ts';
import { jsonText } from '../../contract/json-text.ts';
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

const printable = z.string().regex(/^[ -~]+$/);
const CONTEXT_FORM = 'must be a JSON object with 1 to 10 texts of printable ASCII, at most 1,024 bytes';

/** `k2:<base64>,k1:<base64>`; null if it is anything else. */
function parseMasterKeys(text: string): MasterKey[] | null {
  const items = text.split(/[,\n]/).flatMap((item) => item.trim() || []);
  const keys = items.flatMap((item) => {
    const [id = '', key = ''] = item.split(':', 2);
    const secret = Buffer.from(key, 'base64');
    const isKey = secret.length === CUSTOMER_KEY_BYTES && item === `${id}:${secret.toString('base64')}`;
    return isKey && MASTER_KEY_ID_PATTERN.test(id) ? [{ id, secret }] : [];
  });
  const [ids, secrets] = [keys.map(({ id }) => id), keys.map(({ secret }) => secret.toString('hex'))];
  const areAllOther = [ids, secrets].every((values) => new Set(values).size === items.length);
  return items.length > 0 && areAllOther ? keys : null;
}

/** The pairs of a JSON object, sorted by name; null if it is anything else. */
function parseContext(text: string): [name: string, value: string][] | null {
  const pairs = jsonText.pipe(z.record(printable, printable)).safeParse(text);
  if (!pairs.success || text.length > 1024) return null;
  const entries = Object.entries(pairs.data).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length >= 1 && entries.length <= 10 ? entries : null;
}

export const encryptionSettings = {
  SSE_MODE: z
    .enum(['none', 's3', 'kms', 'c'])
    .default('none')
    .meta({
      description:
        "Encryption at rest, signed into every upload: `none` (the bucket's own default), `s3` (SSE-S3), `kms` " +
        '(SSE-KMS) or `c` (SSE-C: the store needs a key for every read, and keeps none).',
    }),
  SSE_C_MASTER_KEYS: readAs(parseMasterKeys, MASTER_KEYS_FORM)
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
  SSE_KMS_CONTEXT: readAs(parseContext, CONTEXT_FORM)
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
