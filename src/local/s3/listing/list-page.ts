import { compareKeys } from './compare-keys.ts';
import { firstFrom } from './sorted-keys.ts';

export type ListQuery = {
  prefix: string;
  /** Empty for none. */
  delimiter: string;
  /** The page starts after this key, and after the common prefix that contains it. Empty: at the first key. */
  marker: string;
  maxKeys: number;
};

/** `next` is the marker of the next page; null on the last. */
export type ListPage<Item> = { items: Item[]; commonPrefixes: string[]; next: string | null };

/**
 * One page of a listing: the S3 user guide, "Organizing objects using prefixes". Keys with the delimiter after the
 * prefix are rolled up into one common prefix, which counts as one of `maxKeys`. Items with the same key keep their
 * order. `isAfterMarker` tells which items with the marker's own key are listed; by default none.
 */
export function listPage<Item extends { key: string }>(
  all: readonly Item[],
  query: ListQuery,
  isAfterMarker?: (item: Item) => boolean,
): ListPage<Item> {
  return pageOfSorted(
    [...all].sort((a, b) => compareKeys(a.key, b.key)),
    query,
    isAfterMarker,
  );
}

/** `listPage` of items in the order of their keys: reads only the items of the page, however many there are. */
export function pageOfSorted<Item extends { key: string }>(
  sorted: readonly Item[],
  { prefix, delimiter, marker, maxKeys }: ListQuery,
  isAfterMarker: (item: Item) => boolean = () => false,
): ListPage<Item> {
  const skipped = commonPrefix(marker, prefix, delimiter);
  const items: Item[] = [];
  const commonPrefixes: string[] = [];
  let last: string | null = null;
  for (let at = firstFrom(sorted, compareKeys(marker, prefix) > 0 ? marker : prefix); at < sorted.length; at++) {
    const item = sorted[at] as Item;
    if (!item.key.startsWith(prefix)) break;
    const common = commonPrefix(item.key, prefix, delimiter);
    if (item.key === marker ? !isAfterMarker(item) : common !== null && common === skipped) continue;
    if (common !== null && common === commonPrefixes.at(-1)) continue;
    if (items.length + commonPrefixes.length === maxKeys) return { items, commonPrefixes, next: last };
    if (common === null) items.push(item);
    else commonPrefixes.push(common);
    last = common ?? item.key;
  }
  return { items, commonPrefixes, next: null };
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | null {
  const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  return end === -1 ? null : key.slice(0, end + delimiter.length);
}
