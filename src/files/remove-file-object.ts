import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import { objectOfFile } from './object-of-file.ts';

/**
 * Removes the object of a deleted file, and records that in its row. An object uploaded under its key since then is
 * left to the sweeper.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`: the row still says that the object must be removed.
 */
export async function removeFileObject(
  { bucket, files }: { bucket: Pick<Bucket, 'remove'>; files: Pick<FileQueries, 'markRemoved'> },
  row: FileRow,
): Promise<void> {
  await bucket.remove(objectOfFile(row));
  await files.markRemoved(row);
}
