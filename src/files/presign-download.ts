import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';
import { Problem } from '../errors.ts';
import { expiresIn, fileName, objectKey } from '../fields.ts';
import { essence } from '../media-type.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignGet } from '../signing/presign-get.ts';
import type { SigningEndpoint } from '../signing/resolve-endpoint.ts';
import { toContentDisposition } from './content-disposition.ts';
import { getFile } from './get-file.ts';
import { toFile } from './to-file.ts';

const fileId = z.uuid().toLowerCase();
const disposition = z.enum(['attachment', 'inline']);

export const presignDownloadInput = z
  .strictObject({
    fileId: fileId.optional(),
    objectKey: objectKey.optional(),
    disposition: disposition.optional(),
    fileName: fileName.optional(),
    expiresIn: expiresIn.optional(),
  })
  .refine((input) => (input.fileId === undefined) !== (input.objectKey === undefined), 'give fileId or objectKey');

const MAX_BATCH = 100;

export const presignDownloadsInput = z.strictObject({ fileIds: z.array(fileId).min(1).max(MAX_BATCH) });

/** The query of `GET /files/{fileId}/download`. */
export const downloadQuery = z.strictObject({ disposition: disposition.optional() });

export type PresignDownloadInput = z.infer<typeof presignDownloadInput>;

export type PresignDownloadServices = {
  config: Config;
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  files: Files;
  now: () => Date;
};

/**
 * Signs the download of one of the caller's files: the verified version of it, where the bucket keeps versions.
 * @throws {Problem} `not-your-object`, `file-not-found`, `database-unavailable`.
 */
export async function presignDownload(services: PresignDownloadServices, caller: Caller, input: PresignDownloadInput) {
  const reference = input.objectKey === undefined ? { fileId: input.fileId ?? '' } : { objectKey: input.objectKey };
  return sign(services, await getFile(services, caller, reference), input, services.now());
}

/**
 * Signs the downloads of many files, in the order of the ids.
 * @throws {Problem} `file-not-found`; `errors` names every id that is no file of the caller's. `database-unavailable`.
 */
export async function presignDownloads(services: PresignDownloadServices, caller: Caller, ids: readonly string[]) {
  const rows = await services.files.findMany({ ids: [...new Set(ids)], ownerId: caller.userId });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const errors = ids.flatMap((id, index) =>
    byId.has(id) ? [] : [{ path: `fileIds.${index}`, message: 'no such file' }],
  );
  if (errors.length > 0) throw new Problem('file-not-found', 'not all of these are files of yours', { errors });
  const now = services.now();
  const found = ids.flatMap((id) => byId.get(id) ?? []);
  return { downloads: await Promise.all(found.map((row) => sign(services, row, {}, now))) };
}

async function sign(
  services: PresignDownloadServices,
  row: FileRow,
  options: Pick<PresignDownloadInput, 'disposition' | 'fileName' | 'expiresIn'>,
  now: Date,
) {
  const { config, endpoint } = services;
  const signed = presignGet(
    endpoint,
    await services.credentials(),
    {
      key: row.storedKey ?? row.objectKey,
      query: {
        'response-content-disposition': toContentDisposition(
          options.disposition ?? 'attachment',
          options.fileName ?? row.fileName,
          essence(row.contentType),
        ),
        ...(row.versionId !== null && { versionId: row.versionId }),
      },
      expiresInSeconds: options.expiresIn ?? config.downloadUrlTtlSeconds,
    },
    now,
  );
  return {
    presignedUrl: signed.url,
    expiresAt: signed.expiresAt.toISOString(),
    file: toFile(row, config.publicBaseUrl),
  };
}
