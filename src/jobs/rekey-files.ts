import { systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import { objectChanged } from '../storage/bucket-errors.ts';
import { canCopy, newestKeyId } from '../storage/encryption.ts';
import { withKeyId } from '../uploads/upload-metadata.ts';
import { eachKeptFile, type KeptFileOptions, type KeptFileServices } from './each-kept-file.ts';

const ACT: Act = { actorId: systemActor('rekey'), requestId: 'rekey', address: null, action: 'file.rekey' };

/**
 * Encrypts files again with keys derived from the newest master key (SSE-C), also files that had no key. Copies each
 * object onto itself within the bucket, if it is the one that its row names. Then writes the new ETag, version and key
 * into the row. Removes nothing. If it ends between the two steps, the next run finds the object with its new key,
 * compares it with the row and changes the row alone; until then that file answers `conflict`.
 * @returns the counts; `same`: objects whose key came from the newest master key already, `rekeyed`: objects encrypted
 * again, or in a dry run to be encrypted again.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`, also if the login may not change these columns.
 * @throws {Error} unless `SSE_MODE` is `c` and the store copies such objects.
 */
export async function rekeyFiles(services: KeptFileServices, options: KeptFileOptions = {}) {
  const { bucket, sweepQueries, config } = services;
  const newest = newestKeyId(config.store);
  if (newest === null) throw new Error('it needs SSE_MODE=c');
  if (!canCopy(config.store)) throw new Error('this store does not copy encrypted objects');
  const counts = { same: 0, rekeyed: 0 };
  const { listed, ...others } = await eachKeptFile(services, options, async ({ key, row }, object) => {
    const hasNewest = object.sseKeyId === newest;
    // An earlier run, whose newest master key may have been another one, ended before it changed the row.
    const isAhead = object.sseKeyId !== null && object.sseKeyId !== row.sseKeyId;
    if (!isAhead && object.etag !== row.etag) throw objectChanged();
    if (!isAhead && hasNewest) {
      counts.same++;
      return;
    }
    if (!options.dryRun) {
      const { contentType, metadata } = object;
      const instead = { contentType, metadata: withKeyId(metadata, newest) };
      const encrypted = hasNewest ? object : await bucket.copy(object, key, instead);
      await sweepQueries.rebind(row, encrypted, ACT);
    }
    counts.rekeyed++;
  });
  return { listed, ...counts, ...others };
}
