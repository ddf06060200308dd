import { Hono } from 'hono';
import type { Config } from '../../config/config.ts';
import {
  archiveFile,
  type ChangeFileServices,
  deleteFile,
  restoreFile,
  updateFile,
  updateFileInput,
} from '../../files/change-file.ts';
import { fileAnswer, toFile } from '../../files/file-answer.ts';
import { type GetFileServices, getFile } from '../../files/get-file.ts';
import { type GetUsageServices, getUsage, usageAnswer } from '../../files/get-usage.ts';
import { filePageAnswer, type ListFilesServices, listFiles, listFilesQuery } from '../../files/list-files.ts';
import {
  downloadAnswer,
  downloadBatchAnswer,
  downloadQuery,
  type PresignDownloadServices,
  presignDownload,
  presignDownloadInput,
  presignDownloads,
  presignDownloadsInput,
  redirectDownload,
} from '../../files/presign-download.ts';
import { type ReadContentServices, readContent } from '../../files/read-content.ts';
import { answer, answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
import { routeNotFound } from '../no-route.ts';
import type { Operations } from '../openapi/operation.ts';
import { MAX_BATCH_BODY_BYTES, readJson, readQuery } from '../validate.ts';

export type FileServices = PresignDownloadServices &
  ChangeFileServices &
  ReadContentServices &
  GetFileServices &
  GetUsageServices &
  ListFilesServices & {
    config: Pick<Config, 'server' | 'urls'>;
  };

/** Confirmed files: list, get and download with the scope `files:read`; change and delete with `files:write`. */
export function fileRoutes(services: FileServices): Hono<Env> {
  const routes = new Hono<Env>();

  routes.post('/presign-download', async (c) => {
    const caller = callerWith(c, 'files:read', 'download.presign');
    return answerJson(c, await presignDownload(services, caller, await readJson(c, presignDownloadInput)));
  });

  routes.post('/presign-download/batch', async (c) => {
    const caller = callerWith(c, 'files:read', 'download.presign');
    const { fileIds } = await readJson(c, presignDownloadsInput, MAX_BATCH_BODY_BYTES);
    await c.get('countEntries')?.(fileIds.length);
    return answerJson(c, await presignDownloads(services, caller, fileIds));
  });

  routes.get('/files', async (c) => {
    const caller = callerWith(c, 'files:read', 'file.list');
    return answerJson(c, await listFiles(services, caller, readQuery(c, listFilesQuery)));
  });

  routes.get('/files/:fileId', async (c) => {
    const caller = callerWith(c, 'files:read', 'file.get');
    const row = await getFile(services, caller, c.req.param('fileId'));
    return answerJson(c, toFile(row, services.config.urls.publicBaseUrl));
  });

  routes.get('/files/:fileId/download', async (c) => {
    const caller = callerWith(c, 'files:read', 'download.redirect');
    const { disposition } = readQuery(c, downloadQuery);
    if (!services.config.urls.presignsDownloads) {
      return answer(c, 302, null, {
        location: `content${disposition === undefined ? '' : `?disposition=${disposition}`}`,
      });
    }
    const input = { fileId: c.req.param('fileId'), ...(disposition && { disposition }) };
    const { presignedUrl } = await redirectDownload(services, caller, input);
    return answer(c, 302, null, { location: presignedUrl });
  });

  routes.get('/files/:fileId/content', async (c) => {
    if (!services.config.server.proxyDownloads) throw routeNotFound();
    const caller = callerWith(c, 'files:read', 'download.content');
    const target = { fileId: c.req.param('fileId'), ...readQuery(c, downloadQuery) };
    const { status, headers, bytes } = await readContent(services, caller, target, {
      range: c.req.header('range'),
      ifRange: c.req.header('if-range'),
      ifNoneMatch: c.req.header('if-none-match'),
      // Hono answers HEAD with this route, too.
      headersOnly: c.req.method === 'HEAD',
    });
    return answer(c, status, bytes, headers);
  });

  routes.patch('/files/:fileId', async (c) => {
    const caller = callerWith(c, 'files:write', 'file.update');
    const change = await readJson(c, updateFileInput);
    return answerJson(c, await updateFile(services, caller, c.req.param('fileId'), change));
  });

  routes.post('/files/:fileId/archive', async (c) => {
    const caller = callerWith(c, 'files:write', 'file.archive');
    return answerJson(c, await archiveFile(services, caller, c.req.param('fileId')));
  });

  routes.post('/files/:fileId/restore', async (c) => {
    const caller = callerWith(c, 'files:write', 'file.restore');
    return answerJson(c, await restoreFile(services, caller, c.req.param('fileId')));
  });

  routes.delete('/files/:fileId', async (c) => {
    const caller = callerWith(c, 'files:write', 'file.delete');
    await deleteFile(services, caller, c.req.param('fileId'));
    return answer(c, 204, null);
  });

  routes.get('/usage', async (c) => {
    const caller = callerWith(c, 'files:read', 'file.usage');
    return answerJson(c, await getUsage(services, caller));
  });

  return routes;
}

const mayRead = ['files:read'] as const;
const mayWrite = ['files:write'] as const;
/** Problems of a route that names a file. */
export const OF_A_FILE = ['file-not-found', 'database-unavailable'] as const;
const OF_BYTES_READ = [...OF_A_FILE, 'conflict', 'file-rejected', 'storage-unavailable'] as const;
export const FILE = { 200: { description: 'The file', schema: fileAnswer } };

const OF_CONTENT = {
  ETag: 'The ETag of the object in the bucket',
  'Accept-Ranges': '`bytes`',
  'Content-Security-Policy': 'Forbids scripts in the file',
};
const OF_BYTES = { ...OF_CONTENT, 'Content-Disposition': 'RFC 6266', 'Content-Length': 'The bytes of the body' };

/** What the description of the API says of these routes. */
export const fileOperations = {
  'POST /presign-download': {
    id: 'presignDownload',
    tag: 'Downloads',
    scopes: mayRead,
    summary: 'Signs a download',
    body: presignDownloadInput,
    answers: { 200: { description: 'The URL, and the file', schema: downloadAnswer } },
    problems: [...OF_A_FILE, 'not-your-object', 'conflict', 'file-rejected'],
  },
  'POST /presign-download/batch': {
    id: 'presignDownloads',
    tag: 'Downloads',
    scopes: mayRead,
    summary: 'Signs up to 100 downloads, all or none',
    body: presignDownloadsInput,
    answers: { 200: { description: 'The downloads, in the order of the ids', schema: downloadBatchAnswer } },
    problems: [...OF_A_FILE, 'conflict'],
  },
  'GET /files/:fileId/download': {
    id: 'redirectToDownload',
    tag: 'Downloads',
    scopes: mayRead,
    summary: 'Redirects to a signed download, for links and images',
    query: downloadQuery,
    answers: { 302: { description: 'To the bucket', headers: { Location: 'The signed URL' } } },
    problems: [...OF_BYTES_READ, 'encrypted-file'],
  },
  'GET /files/:fileId/content': {
    id: 'readContent',
    tag: 'Downloads',
    scopes: mayRead,
    summary: "The file's bytes, through the service; only with `PROXY_DOWNLOADS`",
    query: downloadQuery,
    headers: { Range: 'RFC 9110, section 14.2', 'If-Range': 'An ETag', 'If-None-Match': 'ETags' },
    answers: {
      200: { description: 'The file', bytes: true, headers: OF_BYTES },
      206: {
        description: 'The range',
        bytes: true,
        headers: { ...OF_BYTES, 'Content-Range': 'RFC 9110, section 14.4' },
      },
      304: { description: 'The file is the one that `If-None-Match` names', headers: OF_CONTENT },
    },
    problems: [...OF_BYTES_READ, 'route-not-found', 'range-not-satisfiable'],
  },
  'GET /files': {
    id: 'listFiles',
    tag: 'Files',
    scopes: mayRead,
    summary: "The caller's files, a page at a time",
    query: listFilesQuery,
    answers: { 200: { description: 'A page', schema: filePageAnswer } },
    problems: ['database-unavailable'],
  },
  'GET /files/:fileId': {
    id: 'getFile',
    tag: 'Files',
    scopes: mayRead,
    summary: 'One file',
    answers: FILE,
    problems: OF_A_FILE,
  },
  'PATCH /files/:fileId': {
    id: 'changeFile',
    tag: 'Files',
    scopes: mayWrite,
    summary: 'Changes the name, the labels or the metadata; the object key stays',
    body: updateFileInput,
    answers: FILE,
    problems: [...OF_A_FILE, 'file-too-large', 'content-type-not-allowed', 'conflict'],
  },
  'DELETE /files/:fileId': {
    id: 'deleteFile',
    tag: 'Files',
    scopes: mayWrite,
    summary: 'Deletes a file for good',
    answers: { 204: { description: 'The file is deleted' } },
    problems: OF_A_FILE,
  },
  'POST /files/:fileId/archive': {
    id: 'archiveFile',
    tag: 'Files',
    scopes: mayWrite,
    summary: 'Archives a file: lists leave it out, and it cannot be downloaded',
    answers: FILE,
    problems: [...OF_A_FILE, 'conflict'],
  },
  'POST /files/:fileId/restore': {
    id: 'restoreFile',
    tag: 'Files',
    scopes: mayWrite,
    summary: 'Makes an archived file active again',
    answers: FILE,
    problems: [...OF_A_FILE, 'conflict'],
  },
  'GET /usage': {
    id: 'getUsage',
    tag: 'Files',
    scopes: mayRead,
    summary: "Number and size of the caller's files, and the quota",
    answers: { 200: { description: 'The usage', schema: usageAnswer } },
    problems: ['database-unavailable'],
  },
} satisfies Operations;
