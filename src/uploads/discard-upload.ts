import type { Refusal } from '../contract/errors.ts';
import type { ParsedKey } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import { refusalCode } from '../storage/bucket-errors.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { toUnverifiedFile } from './to-new-file.ts';
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
 * @throws {Problem} `database-unavailable`, and `storage-unavailable` as `removeUpload`: the id is burned, and the call
 * may be repeated.
 */
export async function discardUpload(
  { files, bucket, now }: { files: FileQueries; bucket: Pick<Bucket, 'remove'>; now: () => Date },
  key: ParsedKey,
  object: StoredObject | null,
  refusal: Refusal | null,
  act: Act | null = null,
): Promise<FileRow | null> {
  const taken = await files.refuse(toUnverifiedFile(key, object, now()), refusal, act);
  const row = taken ?? (await findRow({ files }, key));
  const isGone = object === null || row === null || !mayRemove(row, key) || (await removeUpload({ bucket }, object));
  if (taken !== null && isGone) await files.markRemoved(taken);
  return row;
}

/**
 * Removes the object of an upload that can never become a file. If the bucket refuses (Object Lock, a policy), it would
 * refuse a repeated call as well, so the object is left to the sweeper.
 * @returns whether it is removed.
 * @throws {Problem} `storage-unavailable` if the bucket does not answer.
 */
export async function removeUpload(
  { bucket }: { bucket: Pick<Bucket, 'remove'> },
  object: StoredObject,
): Promise<boolean> {
  try {
    await bucket.remove(object);
    return true;
  } catch (error) {
    if (refusalCode(error) === null) throw error;
    return false;
  }
}
