import { z } from 'zod';

/**
 * What `.meta()` says of a setting: `.env.example` and `docs/settings.md` are written from it (`npm run settings`).
 * `description` is Markdown, in plain words; bounds and defaults that the schema has are added to it.
 */
declare module 'zod' {
  interface GlobalMeta {
    /** Shown where there is no default. Neither: the value is a secret. */
    example?: string;
    /** The default in words (Markdown), where it depends on other settings. */
    fallback?: string;
    /** Bounds and unit of a number, set by `integer`. */
    range?: { min: number; max: number; unit?: Unit };
  }
}

/** What a number counts, where its name does not say so. */
export type Unit = 'bytes' | 'seconds';

export const integer = (min: number, max: number, unit?: Unit) =>
  z
    .string()
    .refine((text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      message: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number)
    .meta({ range: { min, max, ...(unit && { unit }) } });

export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** Comma-separated. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** The same where a list of nothing counts as unset. */
export const optionalList = list.transform((items) => (items.length === 0 ? undefined : items)).optional();

/** Without a user and password: `fetch` takes none, and who reads an error, a log or an answer would have them. */
export const HTTP_URL_FORM = 'must be an http or https URL, without a user or password';

export function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

/** A URL that paths are appended to. */
export const baseUrl = z
  .string()
  .refine((text) => isHttpUrl(text) && !/[?#]/.test(text), `${HTTP_URL_FORM}, and without ? or #`)
  .transform((text) => text.replace(/\/+$/, ''));
