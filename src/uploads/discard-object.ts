import type { ParsedKey } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { Files } from '../db/create-files.ts';
import type { FileRow, Refusal } from '../db/schema.ts';
import type { Bucket, StoredObject } from '../storage/bucket.ts';
import { toRefusedFile } from './to-new-file.ts';
import { mayRemove } from './upload-outcome.ts';

/**
 * Removes what is under a key and is no file, and sees to it that nothing there ever will be one: what arrives later
 * is swept. A confirmation at the same moment must not be left with a row and no object, nor with another object than
 * it saw: so the file id is taken first, by a row that says `refused`. Of the two inserts one wins, whatever the store
 * makes of a conditional delete; from then on the id can become no file.
 *
 * Nothing is removed unless a row of this very key says that it is no file: where the insert lost to a row of another
 * key, or that row is gone again, the object stays.
 * @param object null when nothing is there yet.
 * @param refusal what its owner is told from now on; null where it was given up.
 * @param act what the audit log says where this call gives it up; null: nothing, since its refusal is there.
 * @returns the row that has the id: this call's, or the one that was faster; null when that is gone again.
 * @throws {Problem} `database-unavailable`, and `storage-unavailable` when the object is still there: it can become no
 * file any more, and may be discarded again.
 */
export async function discardObject(
  { files, bucket, now }: { files: Files; bucket: Pick<Bucket, 'remove'>; now: () => Date },
  key: ParsedKey,
  object: StoredObject | null,
  refusal: Refusal | null,
  act: Act | null = null,
): Promise<FileRow | null> {
  const taken = await files.refuse(toRefusedFile(key, object, now()), refusal, act);
  const row = taken ?? (await files.findAny({ id: key.fileId, ownerId: key.userId }));
  if (object !== null && row !== null && mayRemove(row, key)) await bucket.remove(object);
  if (taken !== null) await files.markRemoved(taken);
  return row;
}
