import type { z } from 'zod';
import { recordRefusal, type Target } from '../audit/record-refusals.ts';
import { type Authorization, toIdentity } from '../auth/authorize.ts';
import { type Caller, requireScope } from '../auth/caller.ts';
import { Problem } from '../contract/errors.ts';
import type { Scope } from '../contract/scopes.ts';
import type { AuditAction } from '../db/audit-row.ts';
import { archiveFile, deleteFile, restoreFile, updateFile, updateFileInput } from '../files/change-file.ts';
import { getFile } from '../files/get-file.ts';
import { getUsage } from '../files/get-usage.ts';
import { listFiles, listFilesQuery } from '../files/list-files.ts';
import { presignDownload, presignDownloadInput } from '../files/presign-download.ts';
import { type File, toFile } from '../files/to-file.ts';
import { validate } from '../http/validate.ts';
import { confirmUpload, confirmUploadInput } from '../uploads/confirm-upload.ts';
import { getLimits, limitsQuery } from '../uploads/get-limits.ts';
import { presignUpload } from '../uploads/presign-upload.ts';
import { presignUploadInput } from '../uploads/presign-upload-input.ts';
import type { Services } from './services.ts';

/** The body of `POST /presign-upload`. */
export type UploadRequest = z.input<typeof presignUploadInput>;
/** The body of `POST /confirm-upload`. */
export type Confirmation = z.input<typeof confirmUploadInput>;
/** The body of `POST /presign-download`. */
export type DownloadRequest = z.input<typeof presignDownloadInput>;
/** The body of `PATCH /files/{fileId}`. */
export type FileChange = z.input<typeof updateFileInput>;
/** The query of `GET /files`; numbers and dates may be given as such. */
export type ListQuery = {
  [Name in keyof z.input<typeof listFilesQuery>]?: z.input<typeof listFilesQuery>[Name] | number | Date | undefined;
};

export type Calls = ReturnType<typeof createCalls>;

/**
 * The routes as functions for code on the server: validated, limited and audited alike, without HTTP. `caller` is whom
 * they act for. Each throws a `Problem` with the code that the route would answer, and a `TypeError` if the caller is
 * not a valid one. `RATE_LIMIT_PER_MINUTE` does not count them.
 * @param open gives the services.
 */
export function createCalls(open: () => Promise<Services>) {
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
    } catch (error) {
      if (error instanceof Problem) await recordRefusal(services, caller, action, target ?? {}, error);
      throw error;
    }
    return act(services, caller);
  }

  return {
    /** As `POST /presign-upload`. */
    presignUpload: (caller: Authorization, request: UploadRequest) =>
      by(caller, ['files:write', 'upload.presign'], (services, who) =>
        presignUpload(services, who, validate(presignUploadInput, request)),
      ),
    /** As `POST /confirm-upload`: the file, also if it was confirmed before. */
    confirmUpload: (caller: Authorization, input: Confirmation): Promise<File> =>
      by(caller, ['files:write', 'upload.confirm', input], async (services, who) => {
        return (await confirmUpload(services, who, validate(confirmUploadInput, input))).file;
      }),
    /** As `POST /presign-download`. */
    presignDownload: (caller: Authorization, input: DownloadRequest) =>
      by(caller, ['files:read', 'download.presign', input], (services, who) =>
        presignDownload(services, who, validate(presignDownloadInput, input)),
      ),
    /** As `GET /limits`. */
    limits: (caller: Authorization, query: z.input<typeof limitsQuery> = {}) =>
      by(caller, ['files:write', 'upload.limits', {}, 'files:read'], (services, who) =>
        getLimits(services, who, validate(limitsQuery, query)),
      ),
    files: {
      /** As `GET /files/{fileId}`. */
      find: (caller: Authorization, fileId: string): Promise<File> =>
        by(caller, ['files:read', 'file.get', { fileId }], async (services, who) =>
          toFile(await getFile(services, who, { fileId }), services.config.urls.publicBaseUrl),
        ),
      /** As `GET /files`: one page. */
      list: (caller: Authorization, query: ListQuery = {}) =>
        by(caller, ['files:read', 'file.list'], (services, who) =>
          listFiles(services, who, validate(listFilesQuery, toTexts(query))),
        ),
      /** As `PATCH /files/{fileId}`. */
      change: (caller: Authorization, fileId: string, change: FileChange): Promise<File> =>
        by(caller, ['files:write', 'file.update', { fileId }], (services, who) =>
          updateFile(services, who, fileId, validate(updateFileInput, change)),
        ),
      /** As `POST /files/{fileId}/archive`. */
      archive: (caller: Authorization, fileId: string): Promise<File> =>
        by(caller, ['files:write', 'file.archive', { fileId }], (services, who) => archiveFile(services, who, fileId)),
      /** As `POST /files/{fileId}/restore`. */
      restore: (caller: Authorization, fileId: string): Promise<File> =>
        by(caller, ['files:write', 'file.restore', { fileId }], (services, who) => restoreFile(services, who, fileId)),
      /** As `DELETE /files/{fileId}`. */
      remove: (caller: Authorization, fileId: string): Promise<void> =>
        by(caller, ['files:write', 'file.delete', { fileId }], (services, who) => deleteFile(services, who, fileId)),
      /** As `GET /usage`. */
      usage: (caller: Authorization) => by(caller, ['files:read', 'file.usage'], getUsage),
    },
  };
}

/** As a query string has them. */
function toTexts(query: ListQuery): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : String(value)]),
  );
}
