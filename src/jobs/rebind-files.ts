import type { Config } from '../config/config.ts';
import type { Mismatch } from '../contract/errors.ts';
import { FILE_STATES } from '../contract/file-states.ts';
import { storedTypeOf, toMediaType } from '../contract/media-type.ts';
import { type ParsedKey, parseFrozenKey, parseObjectKey, systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { BucketLister, ListedObject } from '../storage/list-bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { fromMetadata } from '../uploads/upload-metadata.ts';
import { verifyObject } from '../uploads/verify-object.ts';
import { eachPage, examineEach, type Finding } from './examine-each.ts';

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
  logger: { warn: (fields: Record<string, unknown>, message: string) => void };
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
 * After the bucket was copied to another: brings the rows' ETags, versions and keys to those of the objects here. A
 * copy has a new version, and another ETag where it was sent in other parts or encrypted otherwise; a file whose row
 * has the old ones cannot be read through the service, nor removed. An object with another ETag must have the row's
 * size, and is verified as in a confirmation; each must have kept its metadata. Makes and removes no row and no object.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`, also if the login may not change these columns.
 */
export async function rebindFiles(services: RebindServices, options: RebindOptions = {}): Promise<RebindCounts> {
  const { dryRun = false, signal = new AbortController().signal, report = () => {} } = options;
  const { lister, logger, sweepQueries, config } = services;
  const { keyPrefix } = config.store;
  const counts = { listed: 0, same: 0, rebound: 0, unverified: 0, failed: 0 };
  const examination = { failures: { count: 0, silentInARow: 0 }, signal, logger, report };

  const rebind = async ({ key, parsed, row }: Candidate) => {
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
    const known = await findRows(services, objects);
    counts.listed += known.length;
    await examineEach(examination, known, rebind);
    counts.failed = examination.failures.count;
  }
  return counts;
}

type Candidate = { key: string; parsed: ParsedKey; row: FileRow };

/** The objects that hold the bytes of a file, or of a deleted one that is still kept. */
async function findRows({ config, sweepQueries }: RebindServices, objects: readonly ListedObject[]) {
  const { keyPrefix } = config.store;
  const uploads = objects.flatMap(({ key }) => {
    const parsed = parseObjectKey(keyPrefix, key) ?? parseFrozenKey(keyPrefix, key);
    return parsed === null ? [] : [{ key, parsed, id: parsed.fileId, ownerId: parsed.userId }];
  });
  const rows = await sweepQueries.withIds(uploads);
  const rowOf = new Map(rows.map((row) => [`${row.ownerId} ${row.storedKey ?? row.objectKey}`, row]));
  return uploads.flatMap(({ key, parsed }): Candidate[] => {
    const row = rowOf.get(`${parsed.userId} ${key}`);
    const isKept = row !== undefined && FILE_STATES[row.status].object !== 'goes' && row.objectRemovedAt === null;
    return isKept ? [{ key, parsed, row }] : [];
  });
}

async function differences(
  services: RebindServices,
  key: ParsedKey,
  row: FileRow,
  object: StoredObject,
): Promise<readonly Mismatch[]> {
  if (object.sizeBytes !== row.sizeBytes) {
    return [{ path: 'size', message: `stored ${object.sizeBytes} bytes, the file has ${row.sizeBytes}` }];
  }
  // With the same ETag it has the same bytes, but a tool may have left out the rest.
  if (object.etag !== row.etag) return (await verifyObject(services, key, object)).mismatches;
  if (fromMetadata(object.metadata) === null) return [{ path: 'metadata', message: 'was not copied with the object' }];
  const expected = storedTypeOf(row);
  return (toMediaType(object.contentType) ?? object.contentType) === expected
    ? []
    : [{ path: 'contentType', message: `is ${object.contentType}, the file's ${expected}` }];
}
