import type { Config } from '../config/config.ts';
import type { Mismatch } from '../contract/errors.ts';
import { FILE_STATES } from '../contract/file-states.ts';
import type { Logger } from '../contract/logger.ts';
import { storedTypeOf, toMediaType } from '../contract/media-type.ts';
import { type ParsedKey, parseFrozenKey, parseObjectKey } from '../contract/object-key.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { objectOfFile } from '../files/object-of-file.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { BucketLister, ListedObject } from '../storage/list-bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { fromMetadata } from '../uploads/upload-metadata.ts';
import { verifyObject } from '../uploads/verify-object.ts';
import { eachPage, examineEach, type Finding } from './examine-each.ts';

export type KeptFileServices = {
  config: Pick<Config, 'limits' | 'store'>;
  bucket: Bucket;
  lister: BucketLister;
  sweepQueries: Pick<SweepQueries, 'withIds' | 'rebind'>;
  logger: Pick<Logger, 'warn'>;
};

export type KeptFileOptions = {
  /** Only verifies and counts. */
  dryRun?: boolean;
  /** Ends the run; what is done is done, and the next run continues with the rest. */
  signal?: AbortSignal;
  report?: (finding: Finding) => void;
};

/** The counts of a run. */
type KeptFileCounts = {
  /** Objects that hold the bytes of a file. */
  listed: number;
  /** Objects that are not what the row describes: object and row stay as they are. */
  unverified: number;
  /** Objects that the bucket did not return, or that changed meanwhile. */
  failed: number;
};

/** The object that holds the bytes of a file, or of a deleted one that is still kept. */
type KeptFile = { key: string; parsed: ParsedKey; row: FileRow };

/**
 * Runs a task for each file whose object is what its row describes, whatever its ETag, version and key are. Others are
 * counted and reported.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`, and what the task throws.
 */
export async function eachKeptFile(
  services: KeptFileServices,
  { signal = new AbortController().signal, report = () => {} }: KeptFileOptions,
  task: (file: KeptFile, object: StoredObject) => Promise<void>,
): Promise<KeptFileCounts> {
  const { bucket, lister, logger, config } = services;
  const counts = { listed: 0, unverified: 0, failed: 0 };
  const examination = { failures: { count: 0, silentInARow: 0 }, signal, logger, report };
  for await (const objects of eachPage(lister, config.store.keyPrefix, signal)) {
    const kept = await findKeptFiles(services, objects);
    counts.listed += kept.length;
    await examineEach(examination, kept, async (file) => {
      const object = await bucket.head(file.key);
      if (object === null) return;
      const reasons = await differences(services, file, object);
      if (reasons.length === 0) return task(file, object);
      counts.unverified++;
      report({ key: file.key, reasons });
    });
    counts.failed = examination.failures.count;
  }
  return counts;
}

/** Those of these objects that hold the bytes of files. */
async function findKeptFiles(
  { config, sweepQueries }: KeptFileServices,
  objects: readonly ListedObject[],
): Promise<KeptFile[]> {
  const { keyPrefix } = config.store;
  const uploads = objects.flatMap(({ key }) => {
    const parsed = parseObjectKey(keyPrefix, key) ?? parseFrozenKey(keyPrefix, key);
    return parsed === null ? [] : [{ key, parsed, id: parsed.fileId, ownerId: parsed.userId }];
  });
  const rows = await sweepQueries.withIds(uploads);
  const rowOf = new Map(rows.map((row) => [`${row.ownerId} ${objectOfFile(row).key}`, row]));
  return uploads.flatMap(({ key, parsed }) => {
    const row = rowOf.get(`${parsed.userId} ${key}`);
    const isKept = row !== undefined && FILE_STATES[row.status].object !== 'goes' && row.objectRemovedAt === null;
    return isKept ? [{ key, parsed, row }] : [];
  });
}

/** How an object differs from what its row describes, apart from ETag, version and key. */
async function differences(
  services: KeptFileServices,
  { parsed, row }: KeptFile,
  object: StoredObject,
): Promise<readonly Mismatch[]> {
  if (object.sizeBytes !== row.sizeBytes) {
    return [{ path: 'size', message: `stored ${object.sizeBytes} bytes, the file has ${row.sizeBytes}` }];
  }
  // With the same ETag it has the same bytes, but a tool may have left out the rest.
  if (object.etag !== row.etag) return (await verifyObject(services, parsed, object)).mismatches;
  if (fromMetadata(object.metadata) === null) return [{ path: 'metadata', message: 'was not copied with the object' }];
  const expected = storedTypeOf(row);
  return (toMediaType(object.contentType) ?? object.contentType) === expected
    ? []
    : [{ path: 'contentType', message: `is ${object.contentType}, the file's ${expected}` }];
}
