import { readSetting, writeSetting } from './buckets.ts';
import type { Store, Versioning } from './store.ts';

/** Throws NoSuchBucket. */
export async function readVersioning(store: Store, bucket: string): Promise<Versioning> {
  const known = store.versioning.get(bucket);
  if (known !== undefined) return known;
  const setting = await readSetting(store, bucket, 'versioning');
  const versioning: Versioning = setting === null ? null : JSON.parse(setting);
  store.versioning.set(bucket, versioning);
  return versioning;
}

/** Throws NoSuchBucket. */
export async function writeVersioning(
  store: Store,
  bucket: string,
  versioning: 'Enabled' | 'Suspended',
): Promise<void> {
  await writeSetting(store, bucket, 'versioning', JSON.stringify(versioning));
  store.versioning.set(bucket, versioning);
}
