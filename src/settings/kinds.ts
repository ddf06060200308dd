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

/** A URL that paths are appended to. */
export const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((text) => text.replace(/\/+$/, ''));
