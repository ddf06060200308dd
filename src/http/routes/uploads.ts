import { Hono } from 'hono';
import { type AbortUploadServices, abortUpload, abortUploadInput } from '../../uploads/abort-upload.ts';
import { type ConfirmUploadServices, confirmUpload, confirmUploadInput } from '../../uploads/confirm-upload.ts';
import { type GetLimitsServices, getLimits, limitsQuery } from '../../uploads/get-limits.ts';
import {
  type ListUploadedPartsServices,
  listUploadedParts,
  listUploadedPartsInput,
} from '../../uploads/list-uploaded-parts.ts';
import { type PresignPartsServices, presignParts, presignPartsInput } from '../../uploads/presign-parts.ts';
import { type PresignUploadServices, presignUpload, presignUploads } from '../../uploads/presign-upload.ts';
import { presignUploadInput, presignUploadsInput } from '../../uploads/presign-upload-input.ts';
import { signUppyRequest, signUppyRequestInput } from '../../uploads/sign-uppy-request.ts';
import { answer, answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
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
