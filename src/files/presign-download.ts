import * as z from 'zod';
import { type ActingCaller, audited } from '../audit/audited.ts';
import type { AuditServices } from '../audit/record-events.ts';
import type { Config } from '../config/config.ts';
import { headersField, presignedUrlField, timeField } from '../contract/answer-fields.ts';
import { Problem } from '../contract/errors.ts';
import { expiresIn, fileName, objectKey } from '../contract/fields.ts';
import { FILE_STATES } from '../contract/file-states.ts';
import { answers, requests } from '../contract/named-schemas.ts';
import { MAX_URL_TTL_SECONDS } from '../contract/s3-limits.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Credentials } from '../signing/credentials.ts';
import { presignGet } from '../signing/presign-get.ts';
import type { SigningEndpoint } from '../signing/signing-endpoint.ts';
import { readingHeaders } from '../storage/encryption.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import { toContentDisposition } from './content-disposition.ts';
import { fileAnswer, toFile } from './file-answer.ts';
import { findActive, toFileId } from './get-file.ts';
import { objectOfFile } from './object-of-file.ts';

const fileId = z.uuid().toLowerCase();
const disposition = z
  .enum(['attachment', 'inline'])
  .describe('`inline` shows types in which no browser runs code; other types are attachments anyway.');

export const presignDownloadInput = z
  .strictObject({
    fileId: fileId.optional(),
    objectKey: objectKey.optional(),
    disposition: disposition.optional(),
    fileName: fileName.optional(),
    expiresIn: expiresIn.optional(),
  })
  .refine((input) => (input.fileId === undefined) !== (input.objectKey === undefined), 'give fileId or objectKey')
  .register(requests, { id: 'DownloadRequest' });

const WITHOUT_KEY =
  'a link cannot carry the key of this file: read it from /files/{fileId}/content (PROXY_DOWNLOADS), or ask ' +
  'POST /presign-download and send the headers that it answers';

const MAX_BATCH = 100;

export const presignDownloadsInput = z
  .strictObject({ fileIds: z.array(fileId).min(1).max(MAX_BATCH) })
  .register(requests, { id: 'DownloadBatchRequest' });

/**
 * The query of `GET /files/{fileId}/download` and `/content`. Other parameters are ignored: pages add some to links and
 * images to bypass caches.
 */
export const downloadQuery = z.object({ disposition: disposition.optional() });

export const downloadAnswer = z
  .strictObject({
    presignedUrl: presignedUrlField,
    headers: headersField.optional().describe('To send with the request, where the file has a key of its own (SSE-C).'),
    expiresAt: timeField,
    file: fileAnswer,
  })
  .register(answers, { id: 'Download' });

export const downloadBatchAnswer = z
  .strictObject({ downloads: z.array(downloadAnswer).describe('In the order of the ids.') })
  .register(answers, { id: 'DownloadBatch' });

type LinkInput = Pick<PresignDownloadInput, 'disposition'> & { fileId: string };

type PresignDownloadInput = z.infer<typeof presignDownloadInput>;

export type PresignDownloadServices = AuditServices & {
  metrics: Pick<Metrics, 'count'>;
  config: Pick<Config, 'store' | 'urls'>;
  endpoint: SigningEndpoint;
  credentials: () => Credentials | Promise<Credentials>;
  files: FileQueries;
  now: () => Date;
};

/**
 * Signs the download of one of the caller's files: of the verified version, if the bucket keeps versions. Takes one
 * statement.
 * @throws {Problem} as `findActive`; `forbidden` with `PROXY_DOWNLOADS=only`.
 */
export const presignDownload = audited('download.presign', signOne, namedBy);

/**
 * The same for `GET /files/{fileId}/download`, which redirects to the URL.
 * @throws {Problem} also `encrypted-file`: a browser that follows a link sends no key.
 */
export const redirectDownload = audited('download.redirect', signLink, namedBy);

/**
 * Signs the downloads of many files, in the order of the ids. Takes one statement.
 * @throws {Problem} `forbidden` with `PROXY_DOWNLOADS=only`; `file-not-found` and `conflict`; `errors` names every id
 * that is not a file of the caller, or not downloadable. `database-unavailable`.
 */
export const presignDownloads = audited('download.presign', signAll, (fileIds) =>
  [...new Set(fileIds)].map((fileId) => ({ fileId })),
);

function namedBy({ fileId, objectKey }: PresignDownloadInput) {
  return { fileId, objectKey };
}

async function signOne(services: PresignDownloadServices, caller: ActingCaller, input: PresignDownloadInput) {
  refuseUnlessPresigned(services);
  const { fileId = '', objectKey } = input;
  const row = await findActive(services, caller, objectKey === undefined ? { fileId } : { objectKey });
  return signDownload(services, row, input, services.now());
}

async function signLink(services: PresignDownloadServices, caller: ActingCaller, input: LinkInput) {
  const { files, config } = services;
  // Before `findActive`, which records the download.
  const hasKeys = config.store.sse.masterKeys.length > 0;
  const id = hasKeys ? toFileId(config.store, caller, input) : null;
  const row = id === null ? null : await files.find({ id, ownerId: caller.userId });
  if (row !== null && row.sseKeyId !== null) throw new Problem('encrypted-file', WITHOUT_KEY);
  return signOne(services, caller, input);
}

async function signAll(
  services: PresignDownloadServices,
  caller: ActingCaller,
  fileIds: readonly string[],
): Promise<z.infer<typeof downloadBatchAnswer>> {
  refuseUnlessPresigned(services);
  const these = { ids: [...new Set(fileIds)], ownerId: caller.userId, objectKey: null };
  const rows = await services.files.findToDownload(these, caller.act);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const named = (messageOf: (row: FileRow | undefined) => string | null) =>
    fileIds.flatMap((id, index) => {
      const message = messageOf(byId.get(id));
      return message === null ? [] : [{ path: `fileIds.${index}`, message }];
    });
  const missing = named((row) => (row === undefined ? 'no such file' : null));
  if (missing.length > 0) {
    throw new Problem('file-not-found', 'some of these are not your files', { errors: missing });
  }
  const refused = named((row) => (row && !FILE_STATES[row.status].isDownloadable ? `is ${row.status}` : null));
  if (refused.length > 0) throw new Problem('conflict', 'some of these cannot be downloaded', { errors: refused });
  const now = services.now();
  const found = fileIds.flatMap((id) => byId.get(id) ?? []);
  return { downloads: await Promise.all(found.map((row) => signDownload(services, row, {}, now))) };
}

function refuseUnlessPresigned({ config }: Pick<PresignDownloadServices, 'config'>): void {
  if (config.urls.presignsDownloads) return;
  throw new Problem('forbidden', 'files are downloaded through the service: GET /files/{fileId}/content');
}

/**
 * Within one window of `DOWNLOAD_URL_CACHE_SECONDS`, the same download has the same URL: it is signed as of the
 * window's start and valid one window longer, so that it has its full lifetime even at the window's end.
 */
export async function signDownload(
  services: Pick<PresignDownloadServices, 'config' | 'endpoint' | 'credentials' | 'metrics'>,
  row: FileRow,
  options: Pick<PresignDownloadInput, 'disposition' | 'fileName' | 'expiresIn'>,
  now: Date,
): Promise<z.infer<typeof downloadAnswer>> {
  const { config, endpoint } = services;
  const windowMs = config.urls.downloadCacheSeconds * 1000;
  const signedAt = windowMs === 0 ? now : new Date(Math.floor(now.getTime() / windowMs) * windowMs);
  const ttlSeconds = (options.expiresIn ?? config.urls.downloadTtlSeconds) + config.urls.downloadCacheSeconds;
  const contentDisposition = toContentDisposition(
    options.disposition ?? 'attachment',
    options.fileName ?? row.fileName,
    row,
  );
  const object = objectOfFile(row);
  const headers = readingHeaders(config.store, object);
  const signed = presignGet(
    endpoint,
    await services.credentials(),
    {
      key: object.key,
      headers,
      query: {
        'response-content-disposition': contentDisposition,
        // The type that the client stored in the bucket may contain a comma; a browser would read a second type
        // after it.
        ...(contentDisposition.startsWith('inline') && { 'response-content-type': row.contentType }),
        ...(row.versionId !== null && { versionId: row.versionId }),
      },
      expiresInSeconds: Math.min(ttlSeconds, MAX_URL_TTL_SECONDS),
    },
    signedAt,
  );
  services.metrics.count('signpost_presigned_downloads_total', {});
  return {
    presignedUrl: signed.url,
    ...(Object.keys(headers).length > 0 && { headers }),
    expiresAt: signed.expiresAt.toISOString(),
    file: toFile(row, config.urls.publicBaseUrl),
  };
}
