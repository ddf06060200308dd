import type { ActingCaller } from '../audit/audited.ts';
import type { AuditServices } from '../audit/record-refusals.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import { FILE_STATES, whyNotDownloadable } from '../contract/file-states.ts';
import type { Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';
import { type FileReference, fileNotFound, toFileId } from './get-file.ts';

export type FindActiveServices = AuditServices & {
  config: Pick<Config, 'keyPrefix'>;
  files: Pick<Files, 'findToDownload'>;
};

/**
 * The caller's file, to be downloaded in one way or another: that is in the audit log with the same statement.
 * @throws {Problem} `not-your-object`, `file-not-found`, `conflict` while it is archived, `database-unavailable`.
 */
export async function findActive(
  { config, files }: FindActiveServices,
  caller: ActingCaller,
  reference: FileReference,
): Promise<FileRow> {
  const id = toFileId(config, caller, reference);
  if (id === null) throw fileNotFound();
  const objectKey = 'objectKey' in reference ? reference.objectKey : null;
  const these = { ids: [id], ownerId: caller.userId, objectKey };
  const [row] = await files.findToDownload(these, caller.act);
  if (row === undefined) throw fileNotFound();
  if (!FILE_STATES[row.status].isDownloadable) throw new Problem('conflict', whyNotDownloadable(row.status));
  return row;
}
