import * as z from 'zod';
import { type ActingCaller, audited } from '../audit/audited.ts';
import { type AuditServices, recordAct } from '../audit/record-events.ts';
import type { StoredFile } from '../client/stored-file.ts';
import type { Config } from '../config/config.ts';
import { isHeldType } from '../config/held-types.ts';
import { findViolations, limitedTo } from '../config/limits.ts';
import type { Limits } from '../config/slices.ts';
import { Problem } from '../contract/errors.ts';
import { documentType, encryption, fileName, metadata, recordId } from '../contract/fields.ts';
import {
  FILE_STATES,
  type FileState,
  type FileStep,
  HELD_STATE,
  STATE_AFTER,
  statesBefore,
  statesWith,
} from '../contract/file-states.ts';
import { requests } from '../contract/named-schemas.ts';
import type { FileChange, FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import { toFile } from './file-answer.ts';
import { getFile, toFileId } from './get-file.ts';
import { removeFileObject } from './remove-file-object.ts';

/** What `PATCH /files/{fileId}` may change; null removes a record id or a document type. The object's key stays. */
export const updateFileInput = z
  .strictObject({
    fileName: fileName.optional(),
    recordId: recordId.nullable().optional(),
    documentType: documentType.nullable().optional(),
    metadata: metadata.optional(),
    encryption: encryption.optional().describe('The key, wrapped again: only for a file that is encrypted.'),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'must change at least one field')
  .register(requests, { id: 'FileChange' });

export type ChangeFileServices = AuditServices & {
  config: Pick<Config, 'limits' | 'store' | 'urls' | 'jobs'>;
  files: FileQueries;
  bucket: Bucket;
  now: () => Date;
};

/**
 * Changes a file's details. The limits of a new document type apply, as for an upload.
 * @throws {Problem} `file-not-found`, `file-too-large`, `content-type-not-allowed`, `conflict` for the encryption of a
 * file that is not encrypted, `database-unavailable`.
 */
export const updateFile = audited('file.update', update, ofFile);

/**
 * Archives an active file: default lists leave it out, and it cannot be downloaded. An archived file stays as it is,
 * since the answer to an earlier call may have been lost.
 * @throws {Problem} `file-not-found`, `database-unavailable`.
 */
export const archiveFile = toState('archive');

/**
 * Makes an archived file active again.
 * @throws {Problem} `file-not-found`, `conflict` if it is active, `database-unavailable`.
 */
export const restoreFile = toState('restore');

/**
 * Deletes a file: it disappears from every answer at once, its object `DELETE_AFTER_SECONDS` later. With 0, this call
 * removes the object; if the bucket does not answer or the service dies, the sweeper does.
 * @throws {Problem} `file-not-found`, `database-unavailable`.
 */
export const deleteFile = audited('file.delete', remove, ofFile);

function ofFile(fileId: string) {
  return { fileId };
}

type Change = z.infer<typeof updateFileInput>;

async function update(
  services: ChangeFileServices,
  caller: ActingCaller,
  fileId: string,
  change: Change,
): Promise<StoredFile> {
  const isLimitedMove = change.recordId !== undefined && caller.limits !== undefined;
  if (isLimitedMove || change.documentType !== undefined || change.encryption !== undefined) {
    const { limits } = limitedTo(services, caller).config;
    requireAllowed(limits, await findOwn(services, caller, fileId), change);
  }
  const { row, isChanged } = await changeRow(services, caller, fileId, statesWith('isChangeable', true), change);
  if (!isChanged) throw wrongState(row);
  return toFile(row, services.config.urls.publicBaseUrl);
}

/** Checks a change that depends on what the file is now. */
function requireAllowed(limits: Limits, file: FileRow, { documentType, recordId, encryption }: Change): void {
  if (encryption !== undefined && file.encryption === null) {
    throw new Problem('conflict', 'the file is not encrypted by its client');
  }
  const isMoved = documentType !== undefined || recordId !== undefined;
  if ((documentType ?? null) !== null || (isMoved && limits.caller !== undefined)) {
    const claim = {
      ...file,
      ...(documentType !== undefined && { documentType }),
      ...(recordId !== undefined && { recordId }),
    };
    const [violation] = findViolations(limits, claim);
    if (violation !== undefined) throw new Problem(violation.code, violation.message);
  }
  if (documentType === undefined || !isHeldType(limits, documentType)) return;
  // A file that was never judged would look as if it had been.
  const waitsOrIsJudged = file.status === HELD_STATE || file.verdict !== null;
  if (waitsOrIsJudged || isHeldType(limits, file.documentType)) return;
  throw new Problem('conflict', 'files of that document type are held until they are judged; upload it as one');
}

function toState(step: FileStep) {
  const run = async (services: ChangeFileServices, caller: ActingCaller, fileId: string): Promise<StoredFile> =>
    toFile(await takeStep(services, caller, step, fileId), services.config.urls.publicBaseUrl);
  return audited(`file.${step}`, run, ofFile);
}

async function remove(services: ChangeFileServices, caller: ActingCaller, fileId: string): Promise<void> {
  const row = await takeStep(services, caller, 'delete', fileId);
  if (services.config.jobs.deleteAfterSeconds > 0) return;
  await removeFileObject(services, row).catch((err: unknown) => {
    services.logger.error({ err, requestId: caller.requestId }, 'a deleted object is left to the sweeper');
  });
}

/**
 * An earlier call may have taken the step and its answer been lost: if the step may be repeated, the file is returned.
 */
async function takeStep(
  services: ChangeFileServices,
  caller: ActingCaller,
  step: FileStep,
  fileId: string,
): Promise<FileRow> {
  const to = STATE_AFTER[step];
  const { row, isChanged } = await changeRow(services, caller, fileId, statesBefore(step), { status: to });
  if (isChanged) return row;
  if (row.status !== to || !FILE_STATES[to].takes[step]) throw wrongState(row);
  if (caller.isOnBehalf) await recordAct(services, caller, caller.act.action, { fileId, objectKey: row.objectKey });
  return row;
}

/** How often a change is tried on a file that others confirm or change at the same time. */
const CHANGE_TRIES = 3;

/**
 * Changes the caller's file if it is in one of these states.
 * @returns the changed row, or the unchanged one of a file in another state.
 * @throws {Problem} as `findOwn`.
 */
async function changeRow(
  services: ChangeFileServices,
  caller: ActingCaller,
  fileId: string,
  from: readonly FileState[],
  change: FileChange,
): Promise<{ row: FileRow; isChanged: boolean }> {
  const id = toFileId(services.config.store, caller, { fileId });
  const file = id === null ? null : { id, ownerId: caller.userId, onlyOfRecord: caller.limits?.recordId };
  for (let tries = 1; ; tries++) {
    const changed = file === null ? null : await services.files.change(file, from, change, caller.act);
    if (changed !== null) return { row: changed, isChanged: true };
    const row = await findOwn(services, caller, fileId);
    if (!from.includes(row.status) || tries === CHANGE_TRIES) return { row, isChanged: false };
  }
}

/**
 * The file that the caller wants to change.
 * @throws {Problem} `file-not-found`; `forbidden` for one of another record than the caller is limited to.
 */
export async function findOwn(services: ChangeFileServices, caller: ActingCaller, fileId: string): Promise<FileRow> {
  const file = await getFile(services, caller, fileId);
  const { recordId = file.recordId } = caller.limits ?? {};
  if (file.recordId === recordId) return file;
  throw new Problem('forbidden', `you may change files of the record ${recordId} only`);
}

export function wrongState({ status }: FileRow): Problem {
  return new Problem('conflict', `the file is ${status}`);
}
