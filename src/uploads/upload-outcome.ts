import { Problem } from '../contract/errors.ts';
import { FILE_STATES, type StatesWith } from '../contract/file-states.ts';
import type { ParsedKey } from '../contract/object-key.ts';
import type { FileRow } from '../db/schema.ts';

type RowOfFile = FileRow & { status: StatesWith<'isFinal', false> };

/** Whether the row is a file's, and has this key. */
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
  return row.refusal === null && !isLive(row);
}

/**
 * The problem of a confirmation if a row already has the id but is not this key's file. For a refused upload it is the
 * stored refusal, the same each time.
 * @param row null: it existed, and was deleted meanwhile.
 */
export function noFile({ key }: ParsedKey, row: FileRow | null): Problem {
  if (row?.objectKey === key && row.refusal !== null) {
    const { code, detail, errors } = row.refusal;
    return new Problem(code, detail, { ...(errors && { errors }) });
  }
  // Someone with direct access to the bucket may have used the id under another key.
  if (row !== null && isLive(row)) return new Problem('conflict', 'this file id belongs to another object');
  return new Problem('conflict', 'an upload with this id was refused, aborted or deleted; presign a new one');
}

function isLive(row: FileRow): row is RowOfFile {
  return !FILE_STATES[row.status].isFinal;
}
