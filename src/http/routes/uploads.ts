import { Hono } from 'hono';
import { requireScope } from '../../auth/caller.ts';
import { type ConfirmUploadServices, confirmUpload, confirmUploadInput } from '../../uploads/confirm-upload.ts';
import { type PresignUploadServices, presignUpload, presignUploadInput } from '../../uploads/presign-upload.ts';
import type { Env } from '../env.ts';
import { readJson } from '../validate.ts';

export type UploadServices = PresignUploadServices & ConfirmUploadServices;

/** Uploading: sign it, then confirm what arrived. Scope `files:write`. */
export function uploadRoutes(services: UploadServices): Hono<Env> {
  const routes = new Hono<Env>();

  routes.post('/presign-upload', async (c) => {
    const caller = c.get('caller');
    requireScope(caller, 'files:write');
    return c.json(await presignUpload(services, caller, await readJson(c, presignUploadInput)));
  });

  routes.post('/confirm-upload', async (c) => {
    const caller = c.get('caller');
    requireScope(caller, 'files:write');
    const { file, created } = await confirmUpload(services, caller, await readJson(c, confirmUploadInput));
    return c.json(file, created ? 201 : 200);
  });

  return routes;
}
