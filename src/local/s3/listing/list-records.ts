import { mapInBatches } from '../store/durable-files.ts';
import { listKeys } from '../store/list-keys.ts';
import type { ObjectRecord } from '../store/object-record.ts';
import { readRecord } from '../store/objects.ts';
import type { Store } from '../store/store.ts';
import { type ListPage, type ListQuery, pageOfSorted } from './list-page.ts';

/** One page of a bucket's objects. Throws NoSuchBucket. */
export async function listRecords(store: Store, bucket: string, query: ListQuery): Promise<ListPage<ObjectRecord>> {
  const page = pageOfSorted(await listKeys(store, bucket), query);
  const found = await mapInBatches(page.items, ({ key }) => readRecord(store, bucket, key));
  // An object deleted after the keys were read is left out.
  return { ...page, items: found.filter((record) => record !== null) };
}
