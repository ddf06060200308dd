import { listBucketNames, readSetting } from '../store/buckets.ts';
import { abortMultipart, readMultiparts } from '../store/multiparts.ts';
import type { Store } from '../store/store.ts';
import type { LifecycleRule } from './lifecycle-rules.ts';

const DAY_MILLISECONDS = 86_400_000;

/** Aborts the multipart uploads that have outlived a lifecycle rule of their bucket. */
export async function endStaleUploads(store: Store, now: Date): Promise<void> {
  for (const { name } of await listBucketNames(store)) {
    const setting = await readSetting(store, name, 'lifecycle').catch(() => null);
    if (setting === null) continue;
    const rules: LifecycleRule[] = JSON.parse(setting);
    for (const { uploadId, key, initiatedAt } of await readMultiparts(store, name)) {
      const ageDays = (now.getTime() - Date.parse(initiatedAt)) / DAY_MILLISECONDS;
      const ends = rules.some((rule) => rule.isEnabled && key.startsWith(rule.prefix) && ageDays > rule.abortAfterDays);
      // Completed or aborted meanwhile: nothing is left to do.
      if (ends) await abortMultipart(store, name, key, uploadId).catch(() => undefined);
    }
  }
}
