import type { Mismatch } from '../contract/errors.ts';
import { type ParsedKey, systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { FileRow } from '../db/schema.ts';
import { objectChanged } from '../storage/bucket-errors.ts';
import type { ListedObject } from '../storage/list-bucket.ts';
import { type AdoptObjectServices, adoptObject } from '../uploads/adopt-object.ts';

/** Without a quota: the bytes are in the bucket already. */
export type ImportFileServices = AdoptObjectServices & {
  /** Notes the imported files, so that no earlier state of the database sweeps their copies. */
  watermark: { note: (file: FileRow) => void };
};

/** `metadataLost`: the object has metadata that a file cannot have, and the file has none. */
export type ImportOutcome =
  | { result: 'imported' | 'known'; fileId: string; objectKey: string; metadataLost?: true }
  | { result: 'rejected'; reasons: readonly Mismatch[] };

const ACT: Act = { actorId: systemActor('import'), requestId: 'import', address: null, action: 'file.import' };

/**
 * Makes a file of an object, as `adoptObject`, with its copy under the file's key.
 * @throws {Problem} `conflict` if the object changed since it was listed, `storage-unavailable`,
 * `database-unavailable`.
 */
export async function importFile(
  services: ImportFileServices,
  listed: ListedObject,
  key: ParsedKey,
  dryRun: boolean,
): Promise<ImportOutcome> {
  const source = await services.bucket.head(listed.key);
  if (source?.etag !== listed.etag) throw objectChanged();
  const adopted = await adoptObject(services, source, {
    key,
    copyTo: key.key,
    act: ACT,
    createdAt: listed.lastModified,
    dryRun,
  });
  if ('reasons' in adopted) return { result: 'rejected', reasons: adopted.reasons };
  const { row, metadataLost } = adopted;
  if (row !== null) services.watermark.note(row);
  const result = row !== null || dryRun ? 'imported' : 'known';
  return { result, fileId: key.fileId, objectKey: key.key, ...(metadataLost && { metadataLost }) };
}
