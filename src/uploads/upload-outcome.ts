import { Problem } from '../contract/errors.ts';
import { FILE_STATES, type StatesWith } from '../contract/file-states.ts';
import type { ParsedKey } from '../contract/object-key.ts';
import type { FileRow } from '../db/schema.ts';

type RowOfFile = FileRow & { status: StatesWith<'isFinal', false> };

/** Whether the row is that of a file under this key. */
export function isFileOf({ key }: ParsedKey, row: FileRow | null): row is RowOfFile {
  return row?.objectKey === key && isLive(row);
}

/** Whether this row says that what lies under the key is no file, and is kept for nobody. */
export function mayRemove(row: FileRow, { key }: ParsedKey): boolean {
  if (row.objectKey !== key) return false;
  switch (FILE_STATES[row.status].object) {
    case 'stays':
      return false;
    case 'waits':
      // No confirmation shortens the time that it is kept.
      return row.objectRemovedAt !== null;
    case 'goes':
      return true;
  }
}

/** Whether there is nothing to tell of the upload but that nothing is stored under its key. */
export function isForgotten(row: FileRow): boolean {
  return row.refusal === null && !isLive(row);
}

/**
 * What confirming an upload is told where a row has its id already and makes no file of this key: the reasons of the
 * refusal, in the same words each time, where it was refused.
 * @param row null: it was there, and is gone again.
 */
export function noFile({ key }: ParsedKey, row: FileRow | null): Problem {
  if (row?.objectKey === key && row.refusal !== null) {
    const { code, detail, errors } = row.refusal;
    return new Problem(code, detail, { ...(errors && { errors }) });
  }
  // Whoever can write here by other means may have taken the id for another key.
  if (row !== null && isLive(row)) return new Problem('conflict', 'this file id belongs to another object');
  return new Problem('conflict', 'an upload with this id was refused, given up or deleted; presign a new one');
}

function isLive(row: FileRow): row is RowOfFile {
  return !FILE_STATES[row.status].isFinal;
}
