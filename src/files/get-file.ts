import type { ActingCaller } from '../audit/audited.ts';
import type { AuditServices } from '../audit/record-events.ts';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../config/slices.ts';
import { Problem } from '../contract/errors.ts';
import { FILE_STATES, whyNotDownloadable } from '../contract/file-states.ts';
import { FILE_ID_PATTERN, parseOwnKey } from '../contract/object-key.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';

/** How a caller names a file. */
type FileReference = { fileId: string } | { objectKey: string };

/**
 * The file id of a reference, in canonical form; null if it is invalid.
 * @throws {Problem} `not-your-object` (decided from the key alone).
 */
export function toFileId({ keyPrefix }: Store, caller: Caller, reference: FileReference): string | null {
  const id =
    'objectKey' in reference
      ? parseOwnKey(keyPrefix, caller.userId, reference.objectKey)?.fileId
      : reference.fileId.toLowerCase();
  return id !== undefined && FILE_ID_PATTERN.test(id) ? id : null;
}

export type GetFileServices = { config: Pick<Config, 'store'>; files: Pick<FileQueries, 'find'> };

/**
 * The caller's file.
 * @throws {Problem} `file-not-found`, `database-unavailable`.
 */
export async function getFile(services: GetFileServices, caller: Caller, fileId: string): Promise<FileRow> {
  const id = toFileId(services.config.store, caller, { fileId });
  const row = id === null ? null : await services.files.find({ id, ownerId: caller.userId });
  if (row === null) throw fileNotFound();
  return row;
}

/** The problem of a rejected file's download and of its upload's confirmation, the same each time. */
export function fileRejected({ verdict }: Pick<FileRow, 'verdict'>): Problem {
  return new Problem('file-rejected', `the file was rejected: ${verdict?.reason}`);
}

function fileNotFound(): Problem {
  return new Problem('file-not-found', 'you have no such file');
}

export type FindActiveServices = AuditServices & {
  config: Pick<Config, 'store'>;
  files: Pick<FileQueries, 'findToDownload'>;
};

/**
 * The caller's file for a download; the same statement records the download in the audit log.
 * @throws {Problem} `not-your-object`, `file-not-found`, `conflict` if it is archived or held, `file-rejected`,
 * `database-unavailable`.
 */
export async function findActive(
  { config, files }: FindActiveServices,
  caller: ActingCaller,
  reference: FileReference,
): Promise<FileRow> {
  const id = toFileId(config.store, caller, reference);
  if (id === null) throw fileNotFound();
  const objectKey = 'objectKey' in reference ? reference.objectKey : null;
  const these = { ids: [id], ownerId: caller.userId, objectKey };
  const [row] = await files.findToDownload(these, caller.act);
  if (row === undefined) throw fileNotFound();
  if (row.status === 'rejected') throw fileRejected(row);
  if (!FILE_STATES[row.status].isDownloadable) throw new Problem('conflict', whyNotDownloadable(row.status));
  return row;
}
