import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { bucketDirectory } from './buckets.ts';
import type { Store } from './store.ts';

/** The folder of the records of a bucket's current objects. */
export function recordsFolder(store: Store, bucket: string): string {
  return join(bucketDirectory(store, bucket), 'objects');
}

/** Where the record of a key's current object is, if it has one. */
export function recordPath(store: Store, bucket: string, key: string): string {
  return join(recordsFolder(store, bucket), recordName(key));
}

/** The folder of a key's other versions, if it has any. */
export function versionsPath(store: Store, bucket: string, key: string): string {
  return join(bucketDirectory(store, bucket), 'versions', nameOf(key));
}

/** The name of a key's record in its folder. */
export function recordName(key: string): string {
  return `${nameOf(key)}.json`;
}

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
