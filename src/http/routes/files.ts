import { Hono } from 'hono';
import type { Config } from '../../config/config.ts';
import { Problem } from '../../contract/errors.ts';
import {
  archiveFile,
  type ChangeFileServices,
  deleteFile,
  restoreFile,
  updateFile,
  updateFileInput,
} from '../../files/change-file.ts';
import { toFile } from '../../files/file-answer.ts';
import { type GetFileServices, getFile } from '../../files/get-file.ts';
import { type GetUsageServices, getUsage } from '../../files/get-usage.ts';
import { type JudgeFileServices, judgeFile, readVerdict, verdictInput } from '../../files/judge-file.ts';
import { type ListFilesServices, listFiles, listFilesQuery } from '../../files/list-files.ts';
import { heldFilesQuery, type ListHeldFilesServices, listHeldFiles } from '../../files/list-held-files.ts';
import {
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
import { MAX_BATCH_BODY_BYTES, readJson, readQuery } from '../validate.ts';

export type FileServices = PresignDownloadServices &
  ChangeFileServices &
  JudgeFileServices &
  ReadContentServices &
  GetFileServices &
  GetUsageServices &
  ListFilesServices &
  ListHeldFilesServices & {
    config: Pick<Config, 'server' | 'urls'>;
  };

/**
 * Confirmed files: list, get and download with the scope `files:read`; change and delete with `files:write`; judge with
 * `files:judge`.
 */
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
    const row = await getFile(services, caller, { fileId: c.req.param('fileId') });
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
    if (!services.config.server.proxyDownloads) throw new Problem('route-not-found', 'this route does not exist');
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

  routes.get('/held-files', async (c) => {
    const caller = callerWith(c, 'files:judge', 'file.list-held');
    return answerJson(c, await listHeldFiles(services, caller, readQuery(c, heldFilesQuery)));
  });

  routes.get('/files/:fileId/verdict', async (c) => {
    const caller = callerWith(c, 'files:judge', 'download.judge');
    return answerJson(c, await readVerdict(services, caller, c.req.param('fileId')));
  });

  routes.post('/files/:fileId/verdict', async (c) => {
    const caller = callerWith(c, 'files:judge', 'file.judge');
    const verdict = await readJson(c, verdictInput);
    return answerJson(c, await judgeFile(services, caller, c.req.param('fileId'), verdict));
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
