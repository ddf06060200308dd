import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import { expiresIn, fileName, objectKey } from '../fields.ts';
import { essence } from '../media-type.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignGet } from '../signing/presign-get.ts';
import type { SigningEndpoint } from '../signing/resolve-endpoint.ts';
import { toContentDisposition } from './content-disposition.ts';
import { getFile } from './get-file.ts';
import { toFile } from './to-file.ts';

const disposition = z.enum(['attachment', 'inline']);

export const presignDownloadInput = z
  .strictObject({
    fileId: z.uuid().toLowerCase().optional(),
    objectKey: objectKey.optional(),
    disposition: disposition.optional(),
    fileName: fileName.optional(),
    expiresIn: expiresIn.optional(),
  })
  .refine((input) => (input.fileId === undefined) !== (input.objectKey === undefined), 'give fileId or objectKey');

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
  const { config, endpoint } = services;
  const reference = input.objectKey === undefined ? { fileId: input.fileId ?? '' } : { objectKey: input.objectKey };
  const row = await getFile(services, caller, reference);
  const signed = presignGet(
    endpoint,
    await services.credentials(),
    {
      key: row.objectKey,
      query: {
        'response-content-disposition': toContentDisposition(
          input.disposition ?? 'attachment',
          input.fileName ?? row.fileName,
          essence(row.contentType),
        ),
        ...(row.versionId !== null && { versionId: row.versionId }),
      },
      expiresInSeconds: input.expiresIn ?? config.downloadUrlTtlSeconds,
    },
    services.now(),
  );
  return {
    presignedUrl: signed.url,
    expiresAt: signed.expiresAt.toISOString(),
    file: toFile(row, config.publicBaseUrl),
  };
}
