import type { z } from 'zod';
import { type Authorization, toIdentity } from '../auth/authorize.ts';
import { type Caller, requireScope } from '../auth/caller.ts';
import type { Scope } from '../contract/scopes.ts';
import { archiveFile, deleteFile, restoreFile, updateFile, updateFileInput } from '../files/change-file.ts';
import { getFile } from '../files/get-file.ts';
import { getUsage } from '../files/get-usage.ts';
import { listFiles, listFilesQuery } from '../files/list-files.ts';
import { presignDownload, presignDownloadInput } from '../files/presign-download.ts';
import { type File, toFile } from '../files/to-file.ts';
import { validate } from '../http/validate.ts';
import { confirmUpload, confirmUploadInput } from '../uploads/confirm-upload.ts';
import { presignUpload } from '../uploads/presign-upload.ts';
import { presignUploadInput } from '../uploads/presign-upload-input.ts';
import type { Services } from './services.ts';

/** The query of `GET /files`; times may be dates. */
export type ListQuery = {
  [Name in keyof z.input<typeof listFilesQuery>]?: z.input<typeof listFilesQuery>[Name] | number | Date | undefined;
};

export type Calls = ReturnType<typeof createCalls>;

/**
 * The routes as functions for code on the server: validated, limited and audited alike, without HTTP. `caller` is whom
 * they are for. Each throws a `Problem` with the code that the route would answer, and a `TypeError` for a caller that
 * is none.
 */
export function createCalls(services: Services) {
  const callerOf = (caller: Authorization, scope: Scope): Caller => {
    const identity = toIdentity(caller, (wrong) => new TypeError(`the caller is ${wrong}`));
    requireScope(identity, scope);
    return { ...identity, requestId: services.newRequestId(), address: null };
  };
  return {
    /** As `POST /presign-upload`. */
    presignUpload: async (caller: Authorization, request: z.input<typeof presignUploadInput>) =>
      presignUpload(services, callerOf(caller, 'files:write'), validate(presignUploadInput, request)),
    /** As `POST /confirm-upload`. */
    confirmUpload: async (caller: Authorization, input: z.input<typeof confirmUploadInput>): Promise<File> => {
      const by = callerOf(caller, 'files:write');
      return (await confirmUpload(services, by, validate(confirmUploadInput, input))).file;
    },
    /** As `POST /presign-download`. */
    presignDownload: async (caller: Authorization, input: z.input<typeof presignDownloadInput>) =>
      presignDownload(services, callerOf(caller, 'files:read'), validate(presignDownloadInput, input)),
    files: {
      find: async (caller: Authorization, fileId: string): Promise<File> => {
        const row = await getFile(services, callerOf(caller, 'files:read'), { fileId });
        return toFile(row, services.config.urls.publicBaseUrl);
      },
      /** One page, as `GET /files`. */
      list: async (caller: Authorization, query: ListQuery = {}) =>
        listFiles(services, callerOf(caller, 'files:read'), validate(listFilesQuery, toTexts(query))),
      change: async (caller: Authorization, fileId: string, change: z.input<typeof updateFileInput>) =>
        updateFile(services, callerOf(caller, 'files:write'), fileId, validate(updateFileInput, change)),
      archive: async (caller: Authorization, fileId: string) =>
        archiveFile(services, callerOf(caller, 'files:write'), fileId),
      restore: async (caller: Authorization, fileId: string) =>
        restoreFile(services, callerOf(caller, 'files:write'), fileId),
      remove: async (caller: Authorization, fileId: string): Promise<void> =>
        deleteFile(services, callerOf(caller, 'files:write'), fileId),
      usage: async (caller: Authorization) => getUsage(services, callerOf(caller, 'files:read')),
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
