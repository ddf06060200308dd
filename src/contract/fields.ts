import * as z from 'zod';
import { toMediaType } from './media-type.ts';
import { encodeText, RESERVED_METADATA_PREFIX } from './metadata-text.ts';
import { isCleanText, LABEL_PATTERN } from './object-key.ts';
import { MAX_PARTS, MAX_URL_TTL_SECONDS } from './s3-limits.ts';

/** Request fields that several routes share, with their bounds. */

const MAX_FILE_NAME_BYTES = 255;
/**
 * With the service's own entries (at most 648 bytes) and the names (320), this stays below S3's 2,048 bytes of
 * metadata.
 */
export const MAX_METADATA_BYTES = 1024;
const MAX_METADATA_PAIRS = 10;

/** Any well-formed Unicode without control characters and bidi overrides. */
export const cleanText = z
  .string()
  .refine(isCleanText, 'must be well-formed Unicode without control characters or bidi overrides');

export const fileName = cleanText
  .min(1)
  .refine((name) => Buffer.byteLength(name) <= MAX_FILE_NAME_BYTES, `at most ${MAX_FILE_NAME_BYTES} bytes of UTF-8`)
  .describe(
    `The file's display name: at most ${MAX_FILE_NAME_BYTES} bytes of UTF-8, without control characters and bidi ` +
      'overrides.',
  );

/** Text converted by `read`; if that returns null, the field is refused with the message. */
export function readAs<T>(read: (text: string) => T | null, message: string) {
  return z.string().transform((text, context) => {
    const value = read(text);
    if (value !== null) return value;
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });
}

/** A client's media type, normalized. */
export const contentType = readAs(toMediaType, 'must be a media type like image/png').describe(
  'A media type: at most 128 characters, in any case.',
);

/** A media type or a pattern: `image/png`, `image/*`, `*` + `/*`. Without parameters. */
export const contentTypePattern = z
  .string()
  .toLowerCase()
  .regex(/^(\*\/\*|[a-z0-9!#$&^_.+-]+\/(\*|[a-z0-9!#$&^_.+-]+))$/, 'must be like image/png, image/* or */*');

export const label = z.string().regex(LABEL_PATTERN, 'must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}');

export const recordId = label.describe('What the file belongs to in your app.');
export const documentType = label.describe('The kind of document. Limits can differ by it.');

/** S3 keys have at most 1,024 bytes. Owner and format are checked later. */
export const objectKey = cleanText.min(1).max(1024).describe('The key of the object in the bucket.');

export const expiresIn = z.int().min(1).max(MAX_URL_TTL_SECONDS).describe('How long the URL works, in seconds.');

export const checksumSha256 = z
  .string()
  .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'must be the base64 of 32 bytes')
  .describe('SHA-256 in base64.');

/** S3 numbers the parts of an upload from 1 to 10,000. */
export const partNumber = z.int().min(1).max(MAX_PARTS);

/** Printable ASCII, because it is part of URLs. */
export const uploadId = z
  .string()
  .regex(/^[!-~]{1,1024}$/, 'must be 1 to 1024 printable ASCII characters')
  .describe('The `uploadId` that the upload began with.');

export const metadata = z
  .record(
    z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, 'must match [a-z0-9-]{1,32}')
      .refine((name) => !name.startsWith(RESERVED_METADATA_PREFIX), `${RESERVED_METADATA_PREFIX}… is reserved`),
    cleanText,
  )
  .refine((pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS, `at most ${MAX_METADATA_PAIRS} pairs`)
  .refine(
    (pairs) => Object.values(pairs).reduce((sum, value) => sum + encodeText(value).length, 0) <= MAX_METADATA_BYTES,
    `at most ${MAX_METADATA_BYTES} bytes of values, as encoded for the header`,
  )
  .describe(`At most ${MAX_METADATA_PAIRS} pairs, with ${MAX_METADATA_BYTES} bytes of values in total.`);

/** Says how a file that its client encrypted is decrypted: opaque to the service, short enough for a header. */
export const ENCRYPTION_PATTERN = /^[A-Za-z0-9._-]{1,512}$/;
export const encryption = z
  .string()
  .regex(ENCRYPTION_PATTERN, 'must match [A-Za-z0-9._-]{1,512}')
  .describe(
    'The client encrypted the file: how it is decrypted, with the wrapped key. The service only keeps it, and does ' +
      'not look at the content.',
  );

/** A whole number in a query or a path: digits there, described as the number. */
export function digits(number: z.ZodNumber) {
  return z
    .string()
    .regex(/^\d{1,5}$/, 'must be a whole number')
    .transform(Number)
    .pipe(number)
    .meta({ ...z.toJSONSchema(number) });
}

/** The end of the year 9999; no row is later. */
export const MAX_TIME_MS = 253_402_300_799_999;

/** A day (its start in UTC) or a time of ISO 8601. Times before 1970 count as 1970: nothing is older. */
export const isoTime = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], 'must be a date or a time of ISO 8601')
  .transform((text) => new Date(Math.min(Math.max(Date.parse(text), 0), MAX_TIME_MS)));

const MAX_PAGE = 1000;
const DEFAULT_PAGE = 50;

export const pageLimit = digits(z.int().min(1).max(MAX_PAGE))
  .default(DEFAULT_PAGE)
  .describe(`The page size; ${DEFAULT_PAGE} by default.`);
