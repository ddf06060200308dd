import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import { FILE_ID_PATTERN, parseOwnKey } from '../contract/object-key.ts';
import type { Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';

/** How a caller may point at a file. */
export type FileReference = { fileId: string } | { objectKey: string };

/**
 * The id that a reference names, in its canonical form; null for what no file has.
 * @throws {Problem} `not-your-object` (decided from the key alone).
 */
export function toFileId(config: Pick<Config, 'keyPrefix'>, caller: Caller, reference: FileReference): string | null {
  const id =
    'objectKey' in reference
      ? parseOwnKey(config.keyPrefix, caller.userId, reference.objectKey)?.fileId
      : reference.fileId.toLowerCase();
  return id !== undefined && FILE_ID_PATTERN.test(id) ? id : null;
}

/**
 * The caller's file, by its id or its key.
 * @throws {Problem} `not-your-object` (decided from the key alone), `file-not-found`, `database-unavailable`.
 */
export async function getFile(
  services: { config: Pick<Config, 'keyPrefix' | 'publicBaseUrl'>; files: Files },
  caller: Caller,
  reference: FileReference,
): Promise<FileRow> {
  const id = toFileId(services.config, caller, reference);
  const row = id === null ? null : await services.files.find({ id, ownerId: caller.userId });
  if (row === null || ('objectKey' in reference && row.objectKey !== reference.objectKey)) throw fileNotFound();
  return row;
}

export function fileNotFound(): Problem {
  return new Problem('file-not-found', 'you have no such file');
}
