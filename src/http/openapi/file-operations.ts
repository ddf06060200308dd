import { updateFileInput } from '../../files/change-file.ts';
import { fileAnswer } from '../../files/file-answer.ts';
import { usageAnswer } from '../../files/get-usage.ts';
import { verdictAnswer, verdictInput } from '../../files/judge-file.ts';
import { filePageAnswer, listFilesQuery } from '../../files/list-files.ts';
import { heldFilesQuery, heldPageAnswer } from '../../files/list-held-files.ts';
import {
  downloadAnswer,
  downloadBatchAnswer,
  downloadQuery,
  presignDownloadInput,
  presignDownloadsInput,
} from '../../files/presign-download.ts';
import type { Operations } from './operation.ts';

const mayRead = ['files:read'] as const;
const mayWrite = ['files:write'] as const;
const mayJudge = ['files:judge'] as const;
const OF_A_FILE = ['file-not-found', 'database-unavailable'] as const;
const FILE = { 200: { description: 'The file', schema: fileAnswer } };

const OF_CONTENT = {
  ETag: 'The ETag of the object in the bucket',
  'Accept-Ranges': '`bytes`',
  'Content-Security-Policy': 'Forbids scripts in the file',
};
const OF_BYTES = { ...OF_CONTENT, 'Content-Disposition': 'RFC 6266', 'Content-Length': 'The bytes of the body' };

export const fileOperations = {
  'POST /presign-download': {
    ...{ id: 'presignDownload', tag: 'Downloads', scopes: mayRead },
    summary: 'Signs a download',
    body: presignDownloadInput,
    answers: { 200: { description: 'The URL, and the file', schema: downloadAnswer } },
    problems: [...OF_A_FILE, 'not-your-object', 'conflict', 'file-rejected'],
  },
  'POST /presign-download/batch': {
    ...{ id: 'presignDownloads', tag: 'Downloads', scopes: mayRead },
    summary: 'Signs up to 100 downloads, all or none',
    body: presignDownloadsInput,
    answers: { 200: { description: 'The downloads, in the order of the ids', schema: downloadBatchAnswer } },
    problems: [...OF_A_FILE, 'conflict'],
  },
  'GET /files/:fileId/download': {
    ...{ id: 'redirectToDownload', tag: 'Downloads', scopes: mayRead },
    summary: 'Redirects to a signed download, for links and images',
    query: downloadQuery,
    answers: { 302: { description: 'To the bucket', headers: { Location: 'The signed URL' } } },
    problems: [...OF_A_FILE, 'conflict', 'encrypted-file', 'file-rejected', 'storage-unavailable'],
  },
  'GET /files/:fileId/content': {
    ...{ id: 'readContent', tag: 'Downloads', scopes: mayRead },
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
    problems: [
      ...OF_A_FILE,
      'route-not-found',
      'conflict',
      'file-rejected',
      'range-not-satisfiable',
      'storage-unavailable',
    ],
  },
  'GET /files': {
    ...{ id: 'listFiles', tag: 'Files', scopes: mayRead },
    summary: "The caller's files, a page at a time",
    query: listFilesQuery,
    answers: { 200: { description: 'A page', schema: filePageAnswer } },
    problems: ['database-unavailable'],
  },
  'GET /files/:fileId': {
    ...{ id: 'getFile', tag: 'Files', scopes: mayRead },
    summary: 'One file',
    answers: FILE,
    problems: OF_A_FILE,
  },
  'PATCH /files/:fileId': {
    ...{ id: 'changeFile', tag: 'Files', scopes: mayWrite },
    summary: 'Changes the name, the labels or the metadata; the object key stays',
    body: updateFileInput,
    answers: FILE,
    problems: [...OF_A_FILE, 'file-too-large', 'content-type-not-allowed', 'conflict'],
  },
  'DELETE /files/:fileId': {
    ...{ id: 'deleteFile', tag: 'Files', scopes: mayWrite },
    summary: 'Deletes a file for good',
    answers: { 204: { description: 'The file is deleted' } },
    problems: OF_A_FILE,
  },
  'POST /files/:fileId/archive': {
    ...{ id: 'archiveFile', tag: 'Files', scopes: mayWrite },
    summary: 'Archives a file: lists leave it out, and it cannot be downloaded',
    answers: FILE,
    problems: [...OF_A_FILE, 'conflict'],
  },
  'POST /files/:fileId/restore': {
    ...{ id: 'restoreFile', tag: 'Files', scopes: mayWrite },
    summary: 'Makes an archived file active again',
    answers: FILE,
    problems: [...OF_A_FILE, 'conflict'],
  },
  'GET /held-files': {
    ...{ id: 'listHeldFiles', tag: 'Files', scopes: mayJudge },
    summary: 'The files of all users that wait for a verdict, oldest first',
    query: heldFilesQuery,
    answers: { 200: { description: 'A page of files, with their owners', schema: heldPageAnswer } },
    problems: ['database-unavailable'],
  },
  'GET /files/:fileId/verdict': {
    ...{ id: 'getVerdict', tag: 'Files', scopes: mayJudge },
    summary: "A file's verdict and, while it is held, a URL to read it; `X-On-Behalf-Of` names the owner",
    answers: { 200: { description: 'The verdict', schema: verdictAnswer } },
    problems: [...OF_A_FILE, 'storage-unavailable'],
  },
  'POST /files/:fileId/verdict': {
    ...{ id: 'judgeFile', tag: 'Files', scopes: mayJudge },
    summary: 'Decides on a held file; `X-On-Behalf-Of` names the owner',
    body: verdictInput,
    answers: FILE,
    problems: [...OF_A_FILE, 'conflict'],
  },
  'GET /usage': {
    ...{ id: 'getUsage', tag: 'Files', scopes: mayRead },
    summary: "Number and size of the caller's files, and the quota",
    answers: { 200: { description: 'The usage', schema: usageAnswer } },
    problems: ['database-unavailable'],
  },
} satisfies Operations;
