import type { Mismatch } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import {
  buildObjectKey,
  type ParsedKey,
  parseFrozenKey,
  parseObjectKey,
  safeFileName,
  systemActor,
  type UserId,
} from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { objectChanged } from '../storage/bucket-errors.ts';
import type { BucketLister, ListedObject } from '../storage/list-bucket.ts';
import { type AdoptObjectServices, adoptObject } from '../uploads/adopt-object.ts';
import { adoptedId } from '../uploads/adopted-id.ts';
import { eachPage, examineEach, type Finding } from './examine-each.ts';
import { isOfSweeper } from './examine-marker.ts';

/** The counts of an import. */
type ImportCounts = {
  /** Objects under the prefix. */
  listed: number;
  /** Files made, or in a dry run to be made. */
  imported: number;
  /** Objects that an earlier import made a file of, in any state. */
  known: number;
  /** Objects that do not verify: no file is made of them. */
  rejected: number;
  /** Objects of this service, and empty ones that stand for a folder. */
  skipped: number;
  /** Objects that the bucket did not return, or that changed meanwhile. */
  failed: number;
};

/** The result for an object. `metadataLost`: it has metadata that a file cannot have, and the file has none. */
export type ImportResult = { key: string } & (
  | { result: 'imported' | 'known'; fileId: string; objectKey: string; metadataLost?: true }
  | { result: 'rejected' | 'failed'; reasons: readonly Mismatch[] }
);

/** Without a quota: the bytes are in the bucket already. */
type ImportServices = AdoptObjectServices & {
  /** Notes the imported files, so that no earlier state of the database sweeps their copies. */
  watermark: { note: (file: FileRow) => void };
  lister: BucketLister;
  sweepQueries: Pick<SweepQueries, 'withIds'>;
  logger: Pick<Logger, 'warn'>;
};

/** The owner of the files, and their labels. */
type ImportTarget = { owner: UserId; recordId: string | null; documentType: string | null };

export type ImportOptions = {
  /** Only verifies and counts. */
  dryRun?: boolean;
  /** Ends it; files made so far stay, and the next run skips them. */
  signal?: AbortSignal;
  report?: (result: ImportResult) => void;
  onProgress?: (counts: Readonly<ImportCounts>) => void;
};

const ACT: Act = { actorId: systemActor('import'), requestId: 'import', address: null, action: 'file.import' };

/** An object, the key that its file gets, and the row of that file, if there is one. */
type Candidate = { key: string; object: ListedObject; file: ParsedKey; row: FileRow | undefined };

/**
 * Makes files of objects in the bucket whose keys this service did not issue. Each is verified against the limits and
 * by its first bytes, as in a confirmation, and copied within the bucket, with signed metadata, to a key of the owner;
 * the row is that of the copy. So writing to the old key cannot change the file, and the row can be rebuilt from the
 * bucket. The objects themselves stay as they are.
 *
 * Ids are made from owner, key, ETag and date. So it may be repeated: an object that has a file is skipped, and one
 * that was replaced becomes another file. Two imports must not run at once. Names are the last segment of the key,
 * types those of the objects, `createdAt` their date. Quotas do not apply.
 * @param prefix of the objects' keys; with `''` all of the bucket.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`: run it again.
 */
export async function importFiles(
  services: ImportServices,
  prefix: string,
  target: ImportTarget,
  options: ImportOptions = {},
): Promise<ImportCounts> {
  const { dryRun = false, signal = new AbortController().signal, report = () => {}, onProgress } = options;
  const { lister, logger, config } = services;
  const { keyPrefix } = config.store;
  const counts = { listed: 0, imported: 0, known: 0, rejected: 0, skipped: 0, failed: 0 };
  const failures = { count: 0, silentInARow: 0 };
  const tell = (result: ImportResult) => {
    if (result.result !== 'failed') counts[result.result]++;
    report(result);
  };
  const examination = {
    failures,
    signal,
    logger,
    report: (finding: Finding) => tell({ ...finding, result: 'failed' }),
  };
  const isToImport = ({ key }: ListedObject) =>
    !key.endsWith('/') &&
    parseObjectKey(keyPrefix, key) === null &&
    parseFrozenKey(keyPrefix, key) === null &&
    !isOfSweeper(keyPrefix, key);
  for await (const listed of eachPage(lister, prefix, signal)) {
    const objects = listed.filter(isToImport);
    counts.listed += listed.length;
    counts.skipped += listed.length - objects.length;
    await examineEach(examination, await findRows(services, target, objects), async (candidate) =>
      tell(await importFile(services, candidate, dryRun)),
    );
    counts.failed = failures.count;
    onProgress?.(counts);
  }
  return counts;
}

/**
 * The key of each object's file, with its row if there is one. A burned id is not used again: the sweeper burns the id
 * of a copy without a row, left by an import that was killed.
 */
async function findRows(
  services: ImportServices,
  target: ImportTarget,
  objects: readonly ListedObject[],
  attempt = 0,
): Promise<Candidate[]> {
  if (objects.length === 0) return [];
  const { owner: userId, recordId, documentType } = target;
  const candidates = objects.map((object) => {
    const fileId = adoptedId(userId, object, attempt);
    const parts = { userId, recordId, documentType, fileId, fileName: safeFileName(object.key) };
    return { object, parts, id: fileId, ownerId: userId };
  });
  const rows = new Map((await services.sweepQueries.withIds(candidates)).map((row) => [row.id, row]));
  const isBurned = ({ id }: { id: string }) => rows.get(id)?.status === 'refused';
  const usable = candidates
    .filter((candidate) => !isBurned(candidate))
    .map(({ object, parts, id }) => {
      const key = buildObjectKey(services.config.store.keyPrefix, parts);
      return { key: object.key, object, file: { ...parts, key }, row: rows.get(id) };
    });
  const burned = candidates.filter(isBurned).map(({ object }) => object);
  return [...usable, ...(await findRows(services, target, burned, attempt + 1))];
}

/**
 * Makes a file of an object, as `adoptObject`, with its copy under the file's key.
 * @throws {Problem} `conflict` if the object changed since it was listed, `storage-unavailable`,
 * `database-unavailable`.
 */
async function importFile(
  services: ImportServices,
  { key, object, file, row: known }: Candidate,
  dryRun: boolean,
): Promise<ImportResult> {
  if (known !== undefined) return { key, result: 'known', fileId: known.id, objectKey: known.objectKey };
  const source = await services.bucket.head(key);
  if (source?.etag !== object.etag) throw objectChanged();
  const adopted = await adoptObject(services, source, {
    key: file,
    copyTo: file.key,
    act: ACT,
    createdAt: object.lastModified,
    dryRun,
  });
  if ('reasons' in adopted) return { key, result: 'rejected', reasons: adopted.reasons };
  const { row, metadataLost } = adopted;
  if (row !== null) services.watermark.note(row);
  const result = row !== null || dryRun ? 'imported' : 'known';
  return { key, result, fileId: file.fileId, objectKey: file.key, ...(metadataLost && { metadataLost }) };
}
