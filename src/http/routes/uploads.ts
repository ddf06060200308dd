import { Hono } from 'hono';
import { fileAnswer } from '../../files/file-answer.ts';
import { type AbortUploadServices, abortUpload, abortUploadInput } from '../../uploads/abort-upload.ts';
import { type ConfirmUploadServices, confirmUpload } from '../../uploads/confirm-upload.ts';
import { confirmUploadInput } from '../../uploads/confirm-upload-input.ts';
import { type GetLimitsServices, getLimits, limitsAnswer, limitsQuery } from '../../uploads/get-limits.ts';
import {
  type ListUploadedPartsServices,
  listUploadedParts,
  listUploadedPartsInput,
} from '../../uploads/list-uploaded-parts.ts';
import { type PresignPartsServices, presignParts, presignPartsInput } from '../../uploads/presign-parts.ts';
import { type PresignUploadServices, presignUpload, presignUploads } from '../../uploads/presign-upload.ts';
import { presignUploadInput, presignUploadsInput } from '../../uploads/presign-upload-input.ts';
import { signUppyRequest, signUppyRequestInput, uppyAnswer } from '../../uploads/sign-uppy-request.ts';
import { signedPartsAnswer, storedPartsAnswer, uploadAnswer, uploadBatchAnswer } from '../../uploads/upload-answer.ts';
import { answer, answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
import type { Operations } from '../openapi/operation.ts';
import { JSON_TYPE, MAX_BATCH_BODY_BYTES, readJson, readQuery } from '../validate.ts';

export type UploadServices = PresignUploadServices &
  PresignPartsServices &
  ListUploadedPartsServices &
  ConfirmUploadServices &
  AbortUploadServices &
  GetLimitsServices;

/** Uploads: presign, then confirm or abort. Scope `files:write`; for the limits, `files:read` will do. */
export function uploadRoutes(services: UploadServices): Hono<Env> {
  const routes = new Hono<Env>();

  routes.get('/limits', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.limits', 'files:read');
    return answerJson(c, await getLimits(services, caller, readQuery(c, limitsQuery)));
  });

  routes.post('/presign-upload', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.presign');
    return answerJson(c, await presignUpload(services, caller, await readJson(c, presignUploadInput)));
  });

  routes.post('/presign-upload/batch', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.presign');
    const { files } = await readJson(c, presignUploadsInput, MAX_BATCH_BODY_BYTES);
    await c.get('countEntries')?.(files.length);
    return answerJson(c, await presignUploads(services, caller, files));
  });

  routes.post('/presign-parts', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.presign-parts');
    return answerJson(c, await presignParts(services, caller, await readJson(c, presignPartsInput)));
  });

  routes.post('/list-parts', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.list-parts');
    return answerJson(c, await listUploadedParts(services, caller, await readJson(c, listUploadedPartsInput)));
  });

  routes.post('/abort-upload', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.abort');
    await abortUpload(services, caller, await readJson(c, abortUploadInput));
    return answer(c, 204, null);
  });

  routes.post('/confirm-upload', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.confirm');
    const input = await readJson(c, confirmUploadInput, MAX_BATCH_BODY_BYTES, JSON_TYPE, hasParts);
    const { file, created } = await confirmUpload(services, caller, input);
    return answerJson(c, file, created ? 201 : 200);
  });

  // Uppy 6 calls this for each request that it sends to the bucket.
  routes.post('/sign-request', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.sign-request');
    return answerJson(c, await signUppyRequest(services, caller, await readJson(c, signUppyRequestInput)));
  });

  return routes;
}

/** A confirmation is only large if it has a list of parts. */
function hasParts(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'parts' in body;
}

const scopes = ['files:write'] as const;
const tag = 'Uploads';
/** The problems of signing an upload. */
export const OF_PRESIGNING = [
  'file-too-large',
  'content-type-not-allowed',
  'quota-exceeded',
  'storage-unavailable',
] as const;

/** What the description of the API says of these routes. */
export const uploadOperations = {
  'GET /limits': {
    id: 'getLimits',
    tag,
    scopes: ['files:write', 'files:read'],
    summary: 'What the caller may upload: to ask before a file is chosen',
    query: limitsQuery,
    answers: { 200: { description: 'The limits', schema: limitsAnswer } },
    problems: [],
  },
  'POST /presign-upload': {
    id: 'presignUpload',
    tag,
    scopes,
    summary: 'Signs an upload: one PUT, a form, or parts',
    body: presignUploadInput,
    answers: { 200: { description: 'What to send to the bucket', schema: uploadAnswer } },
    problems: OF_PRESIGNING,
  },
  'POST /presign-upload/batch': {
    id: 'presignUploads',
    tag,
    scopes,
    summary: 'Signs up to 100 uploads, all or none',
    body: presignUploadsInput,
    answers: { 200: { description: 'What to send, in the order of the files', schema: uploadBatchAnswer } },
    problems: OF_PRESIGNING,
  },
  'POST /presign-parts': {
    id: 'presignParts',
    tag,
    scopes,
    summary: 'Signs parts of an upload: further ones, or the same ones again',
    body: presignPartsInput,
    answers: { 200: { description: 'A URL for each part', schema: signedPartsAnswer } },
    problems: ['not-your-object', 'upload-not-found', 'file-too-large'],
  },
  'POST /list-parts': {
    id: 'listParts',
    tag,
    scopes,
    summary: 'The parts that the bucket has',
    body: listUploadedPartsInput,
    answers: { 200: { description: 'The parts, ordered by number', schema: storedPartsAnswer } },
    problems: ['not-your-object', 'upload-not-found', 'database-unavailable'],
  },
  'POST /confirm-upload': {
    id: 'confirmUpload',
    tag,
    scopes,
    summary: 'Verifies an uploaded object, and makes a file of it',
    body: confirmUploadInput,
    answers: {
      200: { description: 'It was confirmed before', schema: fileAnswer },
      201: { description: 'It is a file now', schema: fileAnswer },
    },
    problems: [
      'file-rejected',
      ...(['not-your-object', 'quota-exceeded', 'object-not-found', 'upload-not-found', 'conflict'] as const),
      ...(['verification-failed', 'database-unavailable'] as const),
    ],
  },
  'POST /abort-upload': {
    id: 'abortUpload',
    tag,
    scopes,
    summary: 'Aborts an upload; succeeds also if nothing is left of it',
    body: abortUploadInput,
    answers: { 204: { description: 'The upload is removed' } },
    problems: ['not-your-object', 'conflict', 'database-unavailable'],
  },
  'POST /sign-request': {
    id: 'signUppyRequest',
    tag: 'Uppy',
    scopes,
    summary: "Uppy 6: signs one request to the bucket (Uppy's `PresignableRequest`)",
    body: signUppyRequestInput,
    answers: { 200: { description: "Uppy's `PresignedResponse`", schema: uppyAnswer } },
    problems: [...OF_PRESIGNING, 'not-your-object', 'upload-not-found'],
  },
} satisfies Operations;
