import { compareKeys } from './compare-keys.ts';

export type ListQuery = {
  prefix: string;
  /** Empty for none. */
  delimiter: string;
  /** Only what comes behind it, and behind the common prefix that it is part of. Empty for all. */
  marker: string;
  maxKeys: number;
};

/** `next` is the marker of the page behind this one, null when there is none. */
export type ListPage<Item> = { items: Item[]; commonPrefixes: string[]; next: string | null };

/**
 * One page of a listing: the S3 user guide, "Organizing objects using prefixes". Keys with the delimiter behind the
 * prefix are rolled up into one common prefix, which counts as one of `maxKeys`. Items of one key keep their order;
 * `keepsTie` says which of those at the marker itself come behind it, by default none.
 */
export function listPage<Item extends { key: string }>(
  all: readonly Item[],
  { prefix, delimiter, marker, maxKeys }: ListQuery,
  keepsTie: (item: Item) => boolean = () => false,
): ListPage<Item> {
  const skipped = commonPrefix(marker, prefix, delimiter);
  const sorted = all
    .filter((item) => item.key.startsWith(prefix) && (item.key === marker ? keepsTie(item) : isBehind(item.key)))
    .sort((a, b) => compareKeys(a.key, b.key));
  const items: Item[] = [];
  const commonPrefixes: string[] = [];
  let last: string | null = null;
  for (const item of sorted) {
    const common = commonPrefix(item.key, prefix, delimiter);
    if (common !== null && common === commonPrefixes.at(-1)) continue;
    if (items.length + commonPrefixes.length === maxKeys) return { items, commonPrefixes, next: last };
    if (common === null) items.push(item);
    else commonPrefixes.push(common);
    last = common ?? item.key;
  }
  return { items, commonPrefixes, next: null };

  function isBehind(key: string): boolean {
    if (marker === '') return true;
    const common = commonPrefix(key, prefix, delimiter);
    return compareKeys(key, marker) > 0 && (common === null || common !== skipped);
  }
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | null {
  const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  return end === -1 ? null : key.slice(0, end + delimiter.length);
}
