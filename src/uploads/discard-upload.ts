import type { Refusal } from '../contract/errors.ts';
import type { ParsedKey } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { toRefusedFile } from './to-new-file.ts';
import { findRow, mayRemove } from './upload-outcome.ts';

/**
 * Deletes an unconfirmed object and burns its file id: the id can never become a file, and an object that arrives later
 * is swept. Inserts a `refused` row with the id first: of this insert and that of a concurrent confirmation only one
 * succeeds, so no confirmation ends with a row without its object, even if the store ignores conditional deletes.
 *
 * Removes nothing unless a row of this key rules out a file: if the id's row has another key, or was deleted meanwhile,
 * the object stays.
 * @param object null if nothing has arrived yet.
 * @param refusal the error that later confirmations get; null if the upload was aborted.
 * @param act the entry in the audit log if this call aborts the upload; null if the refusal already has its entry.
 * @returns the row that has the id, from this call or a faster one; null if that row was deleted meanwhile.
 * @throws {Problem} `database-unavailable`, and `storage-unavailable` if the object could not be removed: its id is
 * burned, and the call may be repeated.
 */
export async function discardUpload(
  { files, bucket, now }: { files: FileQueries; bucket: Pick<Bucket, 'remove'>; now: () => Date },
  key: ParsedKey,
  object: StoredObject | null,
  refusal: Refusal | null,
  act: Act | null = null,
): Promise<FileRow | null> {
  const taken = await files.refuse(toRefusedFile(key, object, now()), refusal, act);
  const row = taken ?? (await findRow({ files }, key));
  if (object !== null && row !== null && mayRemove(row, key)) await bucket.remove(object);
  if (taken !== null) await files.markRemoved(taken);
  return row;
}
