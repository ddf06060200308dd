import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';
import { Problem } from '../errors.ts';
import { FILE_ID_PATTERN, parseOwnKey } from '../object-key.ts';

/** How a caller may point at a file. */
export type FileReference = { fileId: string } | { objectKey: string };

/**
 * The caller's file, by its id or its key.
 * @throws {Problem} `not-your-object` (decided from the key alone), `file-not-found`, `database-unavailable`.
 */
export async function getFile(
  services: { config: Config; files: Files },
  caller: Caller,
  reference: FileReference,
): Promise<FileRow> {
  const { keyPrefix } = services.config;
  const byKey = 'objectKey' in reference ? parseOwnKey(keyPrefix, caller.userId, reference.objectKey) : null;
  const id = 'fileId' in reference ? reference.fileId.toLowerCase() : (byKey?.fileId ?? '');
  const row = FILE_ID_PATTERN.test(id) ? await services.files.find({ id, ownerId: caller.userId }) : null;
  if (row === null || (byKey !== null && row.objectKey !== byKey.key)) {
    throw new Problem('file-not-found', 'you have no such file');
  }
  return row;
}
