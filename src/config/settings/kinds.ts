import * as z from 'zod';

/**
 * Documents a setting: `npm run settings` writes `.env.example` and `docs/settings.md` from it. `description` is
 * Markdown in plain words; the schema's bounds and defaults are added.
 */
declare module 'zod' {
  interface GlobalMeta {
    /** Shown if there is no default. Without both, the value is a secret. */
    example?: string;
    /** The default in words (Markdown), if it depends on other settings. */
    fallback?: string;
    /** Bounds and unit of a number, set by `integer`. */
    range?: { min: number; max: number; unit?: Unit };
  }
}

/** The unit of a number, if the name does not tell it. */
type Unit = 'bytes' | 'seconds';

export const integer = (min: number, max: number, unit?: Unit) =>
  z
    .string()
    .refine((text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      message: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number)
    .meta({ range: { min, max, ...(unit && { unit }) } });

export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** Docker's `--env-file` keeps quotes, where a shell and `.env` remove them. */
const IN_QUOTES = /^\s*(["']).*\1\s*$/s;
const unquoted = z.string().refine((text) => !IN_QUOTES.test(text), 'must not be in quotes');

/** A text that is used as it is. */
export const text = unquoted.refine((text) => text === text.trim(), 'must not begin or end with white space');

/** One secret, or several. It may begin or end with spaces, but a line break at its end comes from `echo`. */
export const secret = unquoted.refine(
  (text) => text.trim().includes('\n') || !/[\r\n]$/.test(text),
  'must not end with a line break',
);

/** Comma-separated. */
export const list = unquoted.transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** The same, but an empty list counts as unset. */
export const optionalList = list.transform((items) => (items.length === 0 ? undefined : items)).optional();

/** Without a user and password: `fetch` refuses them, and they would appear in errors, logs and answers. */
export const HTTP_URL_FORM = 'must be an http or https URL, without spaces, a user or a password';

export function isHttpUrl(text: string): boolean {
  // `URL` would repair these, but only for itself.
  if (!/^https?:\/\/[^\s\\]+$/i.test(text)) return false;
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

/** A URL that paths are appended to. */
export const baseUrl = z
  .string()
  .refine((text) => isHttpUrl(text) && !/[?#]/.test(text), `${HTTP_URL_FORM}, and without ? or #`)
  .transform((text) => text.replace(/\/+$/, ''));
