import { Hono } from 'hono';
import type { PresignUploadServices } from '../../uploads/presign-upload.ts';
import { signUppyRequest, signUppyRequestInput } from '../../uploads/sign-uppy-request.ts';
import { answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
import { readJson } from '../validate.ts';

/** `signRequest` of Uppy 6, which sends each signed request directly to the bucket. Scope `files:write`. */
export function signRequestRoutes(services: PresignUploadServices): Hono<Env> {
  const routes = new Hono<Env>();

  routes.post('/sign-request', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.sign-request');
    return answerJson(c, await signUppyRequest(services, caller, await readJson(c, signUppyRequestInput)));
  });

  return routes;
}
