import { z } from 'zod';
import { type AuditServices, actOf, recordAct, recordRefusals } from '../audit/record-refusals.ts';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { AuditAction } from '../db/audit-row.ts';
import type { FileChange, Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';
import { Problem } from '../errors.ts';
import { fileName, label, metadata } from '../fields.ts';
import type { Bucket } from '../storage/bucket.ts';
import { findViolations } from '../upload-policy.ts';
import { getFile, toFileId } from './get-file.ts';
import { removeObject } from './remove-object.ts';
import { type File, toFile } from './to-file.ts';

type Status = FileRow['status'];
type Step = { from: readonly Status[]; to?: Status };

/** What may be done to a file in which state, and the state it is in afterwards. Everything else is a 409. */
const STEPS = {
  'file.update': { from: ['active', 'archived'] },
  'file.archive': { from: ['active'], to: 'archived' },
  'file.restore': { from: ['archived'], to: 'active' },
  'file.delete': { from: ['active', 'archived'], to: 'deleted' },
} as const satisfies Partial<Record<AuditAction, Step>>;

/** What `PATCH /files/{fileId}` may change; null takes a record id or a document type away. The object's key stays. */
export const updateFileInput = z
  .strictObject({
    fileName: fileName.optional(),
    recordId: label.nullable().optional(),
    documentType: label.nullable().optional(),
    metadata: metadata.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'names nothing to change');

export type ChangeFileServices = AuditServices & { config: Config; files: Files; bucket: Bucket; now: () => Date };

/**
 * Changes what is remembered of a file. A new document type is held against its limits, as an upload of it would be.
 * @throws {Problem} `file-not-found`, `file-too-large`, `content-type-not-allowed`, `database-unavailable`.
 */
export function updateFile(
  services: ChangeFileServices,
  caller: Caller,
  fileId: string,
  change: z.infer<typeof updateFileInput>,
): Promise<File> {
  return recordRefusals(services, caller, 'file.update', { fileId }, async () => {
    const { documentType = null } = change;
    if (documentType !== null) {
      const [violation] = findViolations(services.config, {
        ...(await getFile(services, caller, { fileId })),
        documentType,
      });
      if (violation !== undefined) throw new Problem(violation.code, violation.message);
    }
    return toFile(await takeStep(services, caller, 'file.update', fileId, change), services.config.publicBaseUrl);
  });
}

/**
 * Takes an active file out of the lists and from download. One that is archived stays as it is: perhaps only the answer of
 * the call before was lost.
 * @throws {Problem} `file-not-found`, `database-unavailable`.
 */
export const archiveFile = (services: ChangeFileServices, caller: Caller, fileId: string): Promise<File> =>
  move(services, caller, 'file.archive', fileId);

/**
 * Brings an archived file back.
 * @throws {Problem} `file-not-found`, `conflict` when it is active, `database-unavailable`.
 */
export const restoreFile = (services: ChangeFileServices, caller: Caller, fileId: string): Promise<File> =>
  move(services, caller, 'file.restore', fileId);

/**
 * Deletes a file: gone from every answer at once, its object `DELETE_AFTER_SECONDS` later. With 0 that is now; should
 * the bucket not answer, or the service die in between, the sweeper finishes it.
 * @throws {Problem} `file-not-found`, `database-unavailable`.
 */
export function deleteFile(services: ChangeFileServices, caller: Caller, fileId: string): Promise<void> {
  return recordRefusals(services, caller, 'file.delete', { fileId }, async () => {
    const row = await takeStep(services, caller, 'file.delete', fileId, {});
    if (services.config.deleteAfterSeconds > 0) return;
    await removeObject(services, row).catch((err: unknown) => {
      services.logger.error({ err, requestId: caller.requestId }, 'a deleted object is left to the sweeper');
    });
  });
}

function move(
  services: ChangeFileServices,
  caller: Caller,
  action: 'file.archive' | 'file.restore',
  fileId: string,
): Promise<File> {
  return recordRefusals(services, caller, action, { fileId }, async () =>
    toFile(await takeStep(services, caller, action, fileId, {}), services.config.publicBaseUrl),
  );
}

async function takeStep(
  services: ChangeFileServices,
  caller: Caller,
  action: keyof typeof STEPS,
  fileId: string,
  change: FileChange,
): Promise<FileRow> {
  const { from, to }: Step = STEPS[action];
  const id = toFileId(services.config, caller, { fileId });
  const file = { id: id ?? '', ownerId: caller.userId };
  const step = { ...change, ...(to && { status: to }) };
  const row = id === null ? null : await services.files.change(file, from, step, actOf(caller, action));
  if (row !== null) return row;
  const known = await getFile(services, caller, { fileId });
  if (action !== 'file.archive' || known.status !== to) throw new Problem('conflict', `the file is ${known.status}`);
  if (caller.isOnBehalf) await recordAct(services, caller, action, { fileId, objectKey: known.objectKey });
  return known;
}
