import type * as z from 'zod';
import { recordRefusal, type Target } from '../audit/record-events.ts';
import { type Authorization, toIdentity } from '../auth/authorize.ts';
import { type Caller, requireScope } from '../auth/caller.ts';
import { Problem } from '../contract/errors.ts';
import type { Scope } from '../contract/scopes.ts';
import type { AuditAction } from '../db/audit-row.ts';
import { archiveFile, deleteFile, restoreFile, updateFile, updateFileInput } from '../files/change-file.ts';
import { toFile } from '../files/file-answer.ts';
import { getFile } from '../files/get-file.ts';
import { getUsage } from '../files/get-usage.ts';
import { judgeFile, readVerdict, verdictInput } from '../files/judge-file.ts';
import { listFiles, listFilesQuery } from '../files/list-files.ts';
import { heldFilesQuery, listHeldFiles } from '../files/list-held-files.ts';
import { presignDownload, presignDownloadInput } from '../files/presign-download.ts';
import { validate } from '../http/validate.ts';
import { confirmUpload } from '../uploads/confirm-upload.ts';
import { confirmUploadInput } from '../uploads/confirm-upload-input.ts';
import { getLimits, limitsQuery } from '../uploads/get-limits.ts';
import { presignUpload } from '../uploads/presign-upload.ts';
import { presignUploadInput } from '../uploads/presign-upload-input.ts';
import type { Calls, HeldQuery, ListQuery } from './library-calls.ts';
import type { Services } from './services.ts';

/**
 * Makes the calls.
 * @param open gives the services.
 */
export function createCalls(open: () => Promise<Services>): Calls {
  /** Runs `act` for the caller, who must have the scope or one of the others. */
  async function by<Result>(
    who: Authorization,
    [scope, action, target, ...others]: readonly [Scope, AuditAction, Target?, ...Scope[]],
    act: (services: Services, caller: Caller) => Result | Promise<Result>,
  ): Promise<Result> {
    const services = await open();
    const identity = toIdentity(who, (wrong) => new TypeError(`the caller is ${wrong}`));
    const caller = { ...identity, requestId: services.newRequestId(), address: null };
    try {
      requireScope(caller, scope, ...others);
      return await act(services, caller);
    } catch (error) {
      if (error instanceof Problem && error.code === 'forbidden') {
        await recordRefusal(services, caller, action, target ?? {}, error);
      }
      throw error;
    }
  }

  return {
    presignUpload: (caller, request) =>
      by(caller, ['files:write', 'upload.presign'], (services, who) =>
        presignUpload(services, who, valid(presignUploadInput, request)),
      ),
    confirmUpload: (caller, input) =>
      by(caller, ['files:write', 'upload.confirm', input], async (services, who) => {
        return (await confirmUpload(services, who, valid(confirmUploadInput, input))).file;
      }),
    presignDownload: (caller, input) =>
      by(caller, ['files:read', 'download.presign', input], (services, who) =>
        presignDownload(services, who, valid(presignDownloadInput, input)),
      ),
    limits: (caller, query = {}) =>
      by(caller, ['files:write', 'upload.limits', {}, 'files:read'], (services, who) =>
        getLimits(services, who, valid(limitsQuery, query)),
      ),
    files: {
      find: (caller, fileId) =>
        by(caller, ['files:read', 'file.get', { fileId }], async (services, who) =>
          toFile(await getFile(services, who, fileId), services.config.urls.publicBaseUrl),
        ),
      list: (caller, query = {}) =>
        by(caller, ['files:read', 'file.list'], (services, who) =>
          listFiles(services, who, validate(listFilesQuery, toTexts(query))),
        ),
      change: (caller, fileId, change) =>
        by(caller, ['files:write', 'file.update', { fileId }], (services, who) =>
          updateFile(services, who, fileId, valid(updateFileInput, change)),
        ),
      archive: (caller, fileId) =>
        by(caller, ['files:write', 'file.archive', { fileId }], (services, who) => archiveFile(services, who, fileId)),
      restore: (caller, fileId) =>
        by(caller, ['files:write', 'file.restore', { fileId }], (services, who) => restoreFile(services, who, fileId)),
      remove: (caller, fileId) =>
        by(caller, ['files:write', 'file.delete', { fileId }], (services, who) => deleteFile(services, who, fileId)),
      usage: (caller) => by(caller, ['files:read', 'file.usage'], getUsage),
    },
    held: {
      list: (caller, query = {}) =>
        by(caller, ['files:judge', 'file.list-held'], (services, who) =>
          listHeldFiles(services, who, validate(heldFilesQuery, toTexts(query))),
        ),
      read: (caller, fileId) =>
        by(caller, ['files:judge', 'download.judge', { fileId }], (services, who) =>
          readVerdict(services, who, fileId),
        ),
      judge: (caller, fileId, verdict) =>
        by(caller, ['files:judge', 'file.judge', { fileId }], (services, who) =>
          judgeFile(services, who, fileId, valid(verdictInput, verdict)),
        ),
    },
  };
}

/** The input, whose type the schema takes, as the schema reads it. */
function valid<Output, Input>(schema: z.ZodType<Output, Input>, input: Input): Output {
  return validate(schema, input);
}

/** As a query string has them, where an empty value counts as absent. */
function toTexts(query: ListQuery | HeldQuery): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(
    given.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : String(value)]),
  );
}
