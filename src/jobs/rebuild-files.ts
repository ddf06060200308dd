import type { Config } from '../config/config.ts';
import { isCopied } from '../config/store-traits.ts';
import type { Logger } from '../contract/logger.ts';
import { type ParsedKey, parseFrozenKey, parseObjectKey, systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import { objectOfFile } from '../files/object-of-file.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { BucketLister, ListedObject } from '../storage/list-bucket.ts';
import { freezeObject } from '../uploads/freeze-object.ts';
import { toNewFile } from '../uploads/to-new-file.ts';
import { verifyObject } from '../uploads/verify-object.ts';
import { type Examination, eachPage, examineEach, type Finding } from './examine-each.ts';
import { isOfSweeper } from './examine-marker.ts';

/** The counts of a rebuild. */
type RebuildCounts = {
  /** Objects under keys of uploads and of verified copies. */
  listed: number;
  /** Objects whose upload has a row, in any state: kept as it is. */
  known: number;
  /** Rows made, or in a dry run to be made. */
  made: number;
  /** Objects that do not verify: they get no row, and are left. */
  unverified: number;
  /** Verified copies whose bytes differ from the file's copy. */
  otherCopies: number;
  /** Objects whose key is not an upload's. */
  foreign: number;
  /** Objects that the bucket did not return, or that changed meanwhile. */
  failed: number;
};

type RebuildServices = {
  config: Pick<Config, 'limits' | 'store'>;
  bucket: Bucket;
  lister: BucketLister;
  sweepQueries: Pick<SweepQueries, 'withIds'>;
  /** Without a quota: the files were within it when they were confirmed. */
  files: Pick<FileQueries, 'insert'>;
  logger: Pick<Logger, 'warn'>;
  newId: (now: Date) => string;
  now: () => Date;
};

type RebuildOptions = {
  /** Only verifies and counts. */
  dryRun?: boolean;
  /** Ends it; rows made so far stay, and the next run skips them. */
  signal?: AbortSignal;
  report?: (finding: Finding) => void;
  onProgress?: (counts: Readonly<RebuildCounts>) => void;
};

const ACT: Act = { actorId: systemActor('rebuild'), requestId: 'rebuild', address: null, action: 'file.rebuild' };

type Rebuild = {
  services: RebuildServices;
  counts: RebuildCounts;
  dryRun: boolean;
  examination: Examination;
};

/** An object, and the upload of its key. `isCopy`: it is the verified copy. */
type Candidate = { key: string; object: ListedObject; parsed: ParsedKey; isCopy: boolean };

/**
 * Restores lost rows from the objects under `KEY_PREFIX`. Each object is verified as in a confirmation, and belongs to
 * the user in its key. Existing rows are kept, so it may be repeated. Nothing is removed from the bucket; uploads that
 * a confirmation would copy to another key are copied.
 *
 * It cannot restore what only the database had: which files were archived or deleted (an object that still waited for
 * its removal becomes a file again), and changes of names, record ids, document types and metadata. An unconfirmed
 * upload becomes a file, as if its owner had confirmed it. A file of a type that is held is held again. `createdAt` is
 * the object's date.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`: run it again.
 */
export async function rebuildFiles(services: RebuildServices, options: RebuildOptions = {}): Promise<RebuildCounts> {
  const { dryRun = false, signal = new AbortController().signal, report = () => {}, onProgress } = options;
  const counts = { listed: 0, known: 0, made: 0, unverified: 0, otherCopies: 0, foreign: 0, failed: 0 };
  const failures = { count: 0, silentInARow: 0 };
  const rebuild = { services, counts, dryRun, examination: { failures, signal, report, logger: services.logger } };
  const { keyPrefix } = services.config.store;
  const copyOf = (object: ListedObject): Candidate[] => {
    const parsed = parseFrozenKey(keyPrefix, object.key);
    return parsed === null ? [] : [{ key: object.key, object, parsed, isCopy: true }];
  };
  const uploadOf = (object: ListedObject): Candidate[] => {
    const parsed = parseObjectKey(keyPrefix, object.key);
    if (parsed === null && copyOf(object).length === 0 && !isOfSweeper(keyPrefix, object.key)) counts.foreign++;
    return parsed === null ? [] : [{ key: object.key, object, parsed, isCopy: false }];
  };
  // The copies first: if a copy exists, it is the file, and not the original beside it.
  for (const [prefix, candidates] of [
    [`${keyPrefix}.verified/`, copyOf],
    [keyPrefix, uploadOf],
  ] as const) {
    for await (const objects of eachPage(services.lister, prefix, signal)) {
      await rebuildPage(rebuild, objects.flatMap(candidates));
      counts.failed = failures.count;
      onProgress?.(counts);
    }
  }
  return counts;
}

async function rebuildPage(rebuild: Rebuild, candidates: readonly Candidate[]): Promise<void> {
  const { services, counts, examination } = rebuild;
  counts.listed += candidates.length;
  const ids = candidates.map(({ parsed: { fileId: id, userId: ownerId } }) => ({ id, ownerId }));
  const rows = new Map((await services.sweepQueries.withIds(ids)).map((row) => [`${row.id} ${row.ownerId}`, row]));
  const unknown = candidates.filter(({ key, object, parsed, isCopy }) => {
    const row = rows.get(`${parsed.fileId} ${parsed.userId}`);
    if (row === undefined) return true;
    counts.known++;
    if (isCopy && row.storedKey !== key && row.etag !== object.etag && row.objectKey === parsed.key) {
      counts.otherCopies++;
      const message = `the file has another copy: ${objectOfFile(row).key}`;
      examination.report({ key, reasons: [{ path: '', message }] });
    }
    return false;
  });
  await examineEach(examination, unknown, (candidate) => rebuildFile(rebuild, candidate));
}

async function rebuildFile(rebuild: Rebuild, { key, object: listed, parsed, isCopy }: Candidate): Promise<void> {
  const { services, counts, dryRun, examination } = rebuild;
  const object = await services.bucket.head(key);
  if (object === null) return;
  const verdict = await verifyObject(services, parsed, object);
  if (!('upload' in verdict)) {
    counts.unverified++;
    examination.report({ key, reasons: verdict.mismatches });
    return;
  }
  if (!dryRun) {
    const isFrozen = !isCopy && isCopied(services.config.store, verdict.upload.isRepeatable);
    const stored = isFrozen ? await freezeObject(services, parsed.key, object) : object;
    const file = toNewFile(parsed, verdict, { object, stored, createdAt: listed.lastModified }, services.config.limits);
    if ((await services.files.insert(file, ACT)) === null) {
      // Confirmed meanwhile, or another row has the key.
      counts.known++;
      return;
    }
  }
  counts.made++;
}
