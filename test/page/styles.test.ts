import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { UPLOADER_STYLE } from '../../src/element/uploader-style.ts';

/** Chrome, Firefox and Safari of November 2024: two years before these styles. */
const TWO_YEARS_AGO = [131, 132, 18.1];

/** Since when they have what is no older than CSS Grid (MDN's browser-compat-data 8.1.9). */
const SINCE: Record<string, number[]> = {
  'light-dark': [123, 120, 17.5],
  'color-mix': [111, 113, 16.2],
  oklch: [111, 113, 15.4],
  '@container': [105, 110, 16],
  '@layer': [99, 97, 15.4],
  layer: [99, 97, 15.4],
  has: [105, 121, 15.4],
  is: [88, 78, 14],
  modal: [105, 103, 15.6],
  clamp: [79, 75, 13.1],
  min: [79, 75, 11.1],
  'repeating-conic-gradient': [69, 83, 12.1],
};
const OLD = [
  'var',
  'calc',
  'rgb',
  'minmax',
  'inset',
  'blur',
  'rotate',
  'linear-gradient',
  'radial-gradient',
  'not',
  'host',
  '@media',
  '@import',
  '@keyframes',
];

it('uses no function, selector or rule of CSS that browsers of two years ago do not know', async () => {
  const folder = new URL('../../src/page/styles/', import.meta.url);
  const sheets = await Promise.all((await readdir(folder)).map((name) => readFile(new URL(name, folder), 'utf8')));
  const used = [...sheets, UPLOADER_STYLE].join().matchAll(/(@[a-z-]+)|([a-z-]+)\(|:(modal)\b/g);
  for (const name of new Set([...used].map(([, rule, call, pseudo]) => rule ?? call ?? pseudo ?? ''))) {
    const since = OLD.includes(name) ? [0, 0, 0] : (SINCE[name] ?? expect.fail(`since when is there ${name}?`));
    expect(
      since.every((version, index) => version <= (TWO_YEARS_AGO[index] ?? 0)),
      name,
    ).toBe(true);
  }
});
