import { FILE_STATES, HELD_STATE, STATE_OF_VERDICT, type Verdict } from '../contract/file-states.ts';
import type { Logger } from '../contract/logger.ts';
import type { Act } from '../db/audit-row.ts';
import type { FileId, FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import { removeFileObject } from './remove-file-object.ts';

export type DecideServices = {
  files: Pick<FileQueries, 'change' | 'markRemoved'>;
  bucket: Pick<Bucket, 'remove'>;
  now: () => Date;
  logger: Pick<Logger, 'error'>;
};

/**
 * Writes a verdict into the row of a held file; a rejected file's object is removed after that.
 * @returns the row; null if there is no such file, or it is not held.
 * @throws {Problem} `database-unavailable`.
 */
export async function decide(
  services: DecideServices,
  file: FileId & { onlyOfRecord?: string | undefined },
  said: Omit<Verdict, 'at'>,
  act: Act,
): Promise<FileRow | null> {
  const change = {
    status: STATE_OF_VERDICT[said.verdict],
    verdict: { ...said, at: services.now().toISOString() },
  };
  const row = await services.files.change(file, [HELD_STATE], change, act);
  if (row !== null) await removeRejected(services, row, act.requestId);
  return row;
}

/**
 * Removes the object of a rejected file, unless it was removed before. If the bucket does not answer, the sweeper does.
 */
export async function removeRejected(
  services: Omit<DecideServices, 'now'>,
  row: FileRow,
  requestId: string,
): Promise<void> {
  if (FILE_STATES[row.status].object !== 'goes' || row.objectRemovedAt !== null) return;
  await removeFileObject(services, row).catch((err: unknown) => {
    services.logger.error({ err, requestId, fileId: row.id }, "a rejected file's object is left to the sweeper");
  });
}
