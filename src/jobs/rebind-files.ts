import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import { systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { BucketLister } from '../storage/list-bucket.ts';
import { eachPage, examineEach, type Finding } from './examine-each.ts';
import { differences, findKeptRows, type KeptFile } from './each-kept-file.ts';

/** The counts after a move. */
export type RebindCounts = {
  /** Objects that a row is of. */
  listed: number;
  /** Rows that had the object's ETag, version and key already. */
  same: number;
  /** Rows changed, or in a dry run to be changed. */
  rebound: number;
  /** Objects that are not what the row describes: the row is kept. */
  unverified: number;
  /** Objects that the bucket did not return, or that changed meanwhile. */
  failed: number;
};

export type RebindServices = {
  config: Pick<Config, 'limits' | 'store'>;
  bucket: Bucket;
  lister: BucketLister;
  sweepQueries: Pick<SweepQueries, 'withIds' | 'rebind'>;
  logger: Pick<Logger, 'warn'>;
};

export type RebindOptions = {
  /** Only verifies and counts. */
  dryRun?: boolean;
  /** Ends it; what is done is done, and it may be repeated. */
  signal?: AbortSignal;
  report?: (finding: Finding) => void;
};

const ACT: Act = { actorId: systemActor('rebuild'), requestId: 'rebuild', address: null, action: 'file.rebind' };

/**
 * After the bucket was copied to another: writes the ETags, versions and keys of the objects here into the rows. A copy
 * has a new version, and another ETag if it was sent in other parts or encrypted differently. A file whose row has the
 * old ones can neither be read through the service nor removed. An object with another ETag must have the row's size,
 * and is verified as in a confirmation; each must have kept its metadata. Makes and removes no row and no object.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`, also if the login may not change these columns.
 */
export async function rebindFiles(services: RebindServices, options: RebindOptions = {}): Promise<RebindCounts> {
  const { dryRun = false, signal = new AbortController().signal, report = () => {} } = options;
  const { lister, logger, sweepQueries, config } = services;
  const { keyPrefix } = config.store;
  const counts = { listed: 0, same: 0, rebound: 0, unverified: 0, failed: 0 };
  const examination = { failures: { count: 0, silentInARow: 0 }, signal, logger, report };

  const rebind = async ({ key, parsed, row }: KeptFile) => {
    const object = await services.bucket.head(key);
    if (object === null) return;
    const reasons = await differences(services, parsed, row, object);
    if (reasons.length > 0) {
      counts.unverified++;
      report({ key, reasons });
    } else if ((['etag', 'versionId', 'sseKeyId'] as const).every((field) => object[field] === row[field])) {
      counts.same++;
    } else {
      if (!dryRun) await sweepQueries.rebind(row, object, ACT);
      counts.rebound++;
    }
  };

  for await (const objects of eachPage(lister, keyPrefix, signal)) {
    const known = await findKeptRows(services, objects);
    counts.listed += known.length;
    await examineEach(examination, known, rebind);
    counts.failed = examination.failures.count;
  }
  return counts;
}
