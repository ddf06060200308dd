import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import { systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import type { Bucket } from '../storage/bucket.ts';
import { objectChanged } from '../storage/bucket-errors.ts';
import { canCopy, newestKeyId } from '../storage/encryption.ts';
import type { BucketLister } from '../storage/list-bucket.ts';
import { withKeyId } from '../uploads/upload-metadata.ts';
import { eachPage, examineEach, type Finding } from './examine-each.ts';
import { differences, findKeptRows, type KeptFile } from './each-kept-file.ts';

/** What `rekeyFiles` did. */
export type RekeyCounts = {
  /** Objects that have a row. */
  listed: number;
  /** Objects whose key comes from the newest master key already. */
  same: number;
  /** Objects that were encrypted again; in a dry run, those that would be. */
  rekeyed: number;
  /** Objects that differ from what the row describes: object and row stay as they are. */
  unverified: number;
  /** Objects that the bucket did not return, or that changed meanwhile. */
  failed: number;
};

export type RekeyServices = {
  config: Pick<Config, 'limits' | 'store'>;
  bucket: Bucket;
  lister: BucketLister;
  sweepQueries: Pick<SweepQueries, 'withIds' | 'rebind'>;
  logger: Pick<Logger, 'warn'>;
};

export type RekeyOptions = {
  /** Only counts. */
  dryRun?: boolean;
  /** Ends the run; the next run continues with the objects that are left. */
  signal?: AbortSignal;
  report?: (finding: Finding) => void;
};

const ACT: Act = { actorId: systemActor('rekey'), requestId: 'rekey', address: null, action: 'file.rekey' };

/**
 * Encrypts files again with keys derived from the newest master key (SSE-C), also files that had no key. Copies each
 * object onto itself within the bucket, if it is the one that its row names. Then writes the new ETag, version and key
 * into the row. Removes nothing. If it ends between the two steps, the next run finds the object with its new key,
 * compares it with the row and changes the row alone; until then that file answers `conflict`.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`, also if the login may not change these columns.
 * @throws {Error} unless `SSE_MODE` is `c` and the store copies such objects.
 */
export async function rekeyFiles(services: RekeyServices, options: RekeyOptions = {}): Promise<RekeyCounts> {
  const { dryRun = false, signal = new AbortController().signal, report = () => {} } = options;
  const { bucket, lister, logger, sweepQueries, config } = services;
  const newest = newestKeyId(config.store);
  if (newest === null) throw new Error('it needs SSE_MODE=c');
  if (!canCopy(config.store)) throw new Error('this store does not copy encrypted objects');
  const counts = { listed: 0, same: 0, rekeyed: 0, unverified: 0, failed: 0 };
  const examination = { failures: { count: 0, silentInARow: 0 }, signal, logger, report };

  const rekey = async ({ key, parsed, row }: KeptFile) => {
    const object = await bucket.head(key);
    if (object === null) return;
    const reasons = await differences(services, parsed, row, object);
    if (reasons.length > 0) {
      counts.unverified++;
      report({ key, reasons });
    } else if (object.sseKeyId === newest && row.sseKeyId === newest) {
      counts.same++;
    } else if (object.sseKeyId === newest) {
      // An earlier run ended before it changed the row.
      if (!dryRun) await sweepQueries.rebind(row, object, ACT);
      counts.rekeyed++;
    } else if (object.etag !== row.etag) {
      throw objectChanged();
    } else {
      if (!dryRun) {
        const metadata = withKeyId(object.metadata, newest);
        const copied = await bucket.copy(object, key, { contentType: object.contentType, metadata });
        await sweepQueries.rebind(row, copied, ACT);
      }
      counts.rekeyed++;
    }
  };

  for await (const objects of eachPage(lister, config.store.keyPrefix, signal)) {
    const known = await findKeptRows(services, objects);
    counts.listed += known.length;
    await examineEach(examination, known, rekey);
    counts.failed = examination.failures.count;
  }
  return counts;
}
