import { Problem } from '../contract/errors.ts';
import { FILE_STATES, type StatesWith } from '../contract/file-states.ts';
import type { ParsedKey } from '../contract/object-key.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { fileRejected } from '../files/get-file.ts';

type RowOfFile = FileRow & { status: StatesWith<'object', 'stays'> };

/** The row of a file, and whether this call inserted it. */
export type Confirmed = { row: FileRow; created: boolean };

/** The row that has the key's file id, in any state. */
export function findRow(
  { files }: { files: Pick<FileQueries, 'findAny'> },
  { fileId, userId }: ParsedKey,
): Promise<FileRow | null> {
  return files.findAny({ id: fileId, ownerId: userId });
}

/** Whether the row is a file's, with its object, and has this key. */
export function isFileOf({ key }: ParsedKey, row: FileRow | null): row is RowOfFile {
  return row?.objectKey === key && isLive(row);
}

/** Whether the row allows removing the object under this key: it is not a file's, and not kept for a while. */
export function mayRemove(row: FileRow, { key }: ParsedKey): boolean {
  if (row.objectKey !== key) return false;
  switch (FILE_STATES[row.status].object) {
    case 'stays':
      return false;
    case 'waits':
      // A deleted file's object is kept for `DELETE_AFTER_SECONDS`; a confirmation must not shorten that.
      return row.objectRemovedAt !== null;
    case 'goes':
      return true;
  }
}

/** Whether the answer for this row is "nothing is stored under this key": it is final and has no refusal. */
export function isForgotten(row: FileRow): boolean {
  return refusalOf(row) === null && !isLive(row);
}

/** Why the row's upload was refused or its file rejected: the same problem each time. Null if neither happened. */
export function refusalOf(row: FileRow): Problem | null {
  if (row.status === 'rejected') return fileRejected(row);
  if (row.refusal === null) return null;
  const { code, detail, errors } = row.refusal;
  return new Problem(code, detail, { ...(errors && { errors }) });
}

/**
 * The problem of a confirmation if a row already has the id but is not this key's file: its refusal, if it has one.
 * @param row null: it existed, and was deleted meanwhile.
 */
export function noFile({ key }: ParsedKey, row: FileRow | null): Problem {
  const refusal = row?.objectKey === key ? refusalOf(row) : null;
  if (refusal !== null) return refusal;
  // Someone with direct access to the bucket may have used the id under another key.
  if (row !== null && isLive(row)) return new Problem('conflict', 'this file id belongs to another object');
  return new Problem('conflict', 'an upload with this id was refused, aborted or deleted; presign a new one');
}

function isLive(row: FileRow): row is RowOfFile {
  return FILE_STATES[row.status].object === 'stays';
}
