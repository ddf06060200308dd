import { FILE_SUFFIX } from './setting-files.ts';

/**
 * Finds variables that look like misspelt settings: one or two letters away from one, or with some of its words. Other
 * variables are ignored.
 * @returns a sentence for each.
 */
export function misspeltSettings(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): string[] {
  const known = names.flatMap((name) => [name, name + FILE_SUFFIX]);
  // Once: each of them is compared with each variable.
  const settings = names.map((name) => ({ name, words: name.split('_') }));
  return Object.keys(env).flatMap((name) => {
    if (known.includes(name) || name.length < MIN_LENGTH || !env[name]) return [];
    const meant = nearest(name.toUpperCase(), known) ?? withWordsOf(name.toUpperCase().split('_'), settings);
    return meant === undefined ? [] : [`${name} is not a setting; did you mean ${meant}?`];
  });
}

/** Shorter names are within two letters of too many others: HOME, POST. */
const MIN_LENGTH = 6;

function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return name;
  const most = name.length < 2 * MIN_LENGTH ? 1 : 2;
  const [close] = known
    .filter((other) => other.length >= MIN_LENGTH && mayBeWithin(most, name, other))
    .map((other) => ({ other, distance: editDistance(name, other) }))
    .sort((a, b) => a.distance - b.distance);
  return close !== undefined && close.distance <= most ? close.other : undefined;
}

type Setting = { name: string; words: readonly string[] };

/** The first setting that has these words in this order among its own: `S3_BUCKET`, `MAX_BYTES`, `JWT_AUD`. */
function withWordsOf(some: readonly string[], settings: readonly Setting[]): string | undefined {
  if (some.length < 2) return undefined;
  const hasThem = ({ words }: Setting) => {
    let at = 0;
    for (const word of words) if (isAlike(word, some[at] ?? '')) at++;
    return at === some.length;
  };
  return settings.find(hasThem)?.name;
}

/** Whether two words are variants of one: `AUD` and `AUDIENCE`, `PROXY` and `PROXIES`. */
function isAlike(word: string, other: string): boolean {
  const [short, long] = word.length < other.length ? [word, other] : [other, word];
  return short === long || (short.length >= 3 && long.startsWith(short.slice(0, Math.max(3, short.length - 1))));
}

/**
 * Whether the edit distance may be so small: each edit changes at most one letter of either name. Every start compares
 * each variable with each setting, and this is ten times as fast.
 */
function mayBeWithin(most: number, a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > most) return false;
  let others = b;
  let missing = 0;
  for (const letter of a) {
    const shorter = others.replace(letter, '');
    if (shorter.length === others.length && ++missing > most) return false;
    others = shorter;
  }
  return others.length <= most;
}

/** Edit distance: letters to add, remove, replace or swap (Damerau-Levenshtein, with one edit at each place). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? at(i - 2, j - 2) + 1 : replaced;
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped));
    }
  }
  return at(a.length, b.length);
}
