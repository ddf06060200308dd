import { Hono } from 'hono';
import { type JudgeFileServices, judgeFile, readVerdict, verdictAnswer, verdictInput } from '../../files/judge-file.ts';
import {
  heldFilesQuery,
  heldPageAnswer,
  type ListHeldFilesServices,
  listHeldFiles,
} from '../../files/list-held-files.ts';
import { answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
import type { Operations } from '../openapi/operation.ts';
import { readJson, readQuery } from '../validate.ts';
import { FILE, OF_A_FILE } from './files.ts';

export type HeldFileServices = JudgeFileServices & ListHeldFilesServices;

/** Files that wait for a verdict, and verdicts. Scope `files:judge`. */
export function heldFileRoutes(services: HeldFileServices): Hono<Env> {
  const routes = new Hono<Env>();

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

  return routes;
}

const mayJudge = ['files:judge'] as const;

/** What the description of the API says of these routes. */
export const heldFileOperations = {
  'GET /held-files': {
    id: 'listHeldFiles',
    tag: 'Files',
    scopes: mayJudge,
    summary: 'The files of all users that wait for a verdict, oldest first',
    query: heldFilesQuery,
    answers: { 200: { description: 'A page of files, with their owners', schema: heldPageAnswer } },
    problems: ['database-unavailable'],
  },
  'GET /files/:fileId/verdict': {
    id: 'getVerdict',
    tag: 'Files',
    scopes: mayJudge,
    summary: "A file's verdict and, while it is held, a URL to read it; `X-On-Behalf-Of` names the owner",
    answers: { 200: { description: 'The verdict', schema: verdictAnswer } },
    problems: [...OF_A_FILE, 'storage-unavailable'],
  },
  'POST /files/:fileId/verdict': {
    id: 'judgeFile',
    tag: 'Files',
    scopes: mayJudge,
    summary: 'Decides on a held file; `X-On-Behalf-Of` names the owner',
    body: verdictInput,
    answers: FILE,
    problems: [...OF_A_FILE, 'conflict'],
  },
} satisfies Operations;
