import { Hono } from 'hono';
import * as z from 'zod';
import { digits, objectKey, partNumber } from '../../contract/fields.ts';
import { MAX_PARTS } from '../../contract/s3-limits.ts';
import { encodePath } from '../../signing/sigv4.ts';
import { abortUpload } from '../../uploads/abort-upload.ts';
import { confirmUpload } from '../../uploads/confirm-upload.ts';
import { listUploadedParts } from '../../uploads/list-uploaded-parts.ts';
import { presignParts } from '../../uploads/presign-parts.ts';
import { presignUpload } from '../../uploads/presign-upload.ts';
import { MAX_SIGNED_PARTS } from '../../uploads/sign-planned-parts.ts';
import { answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import { companionBody, companionQuery, companionUpload, toUpload } from '../companion-upload.ts';
import type { Env } from '../env.ts';
import { MAX_BATCH_BODY_BYTES, readJson, readQuery, validate } from '../validate.ts';
import type { UploadServices } from './uploads.ts';

export const keyQuery = z.strictObject({ key: objectKey });
const partText = digits(partNumber);
const partPath = z.strictObject({ partNumber: partText });
const partList = z.array(partNumber).min(1).max(MAX_SIGNED_PARTS).describe('Separated by commas.');
export const batchQuery = keyQuery.extend({
  partNumbers: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(partText).min(1).max(MAX_SIGNED_PARTS))
    .meta({ ...z.toJSONSchema(partList) }),
});
/** Older versions of Uppy send further fields of a part. */
export const completeBody = z.strictObject({
  parts: z
    .array(z.object({ PartNumber: partNumber, ETag: z.string().min(1).max(256) }))
    .min(1)
    .max(MAX_PARTS),
});

/**
 * The S3 routes of Uppy's Companion 6, under `/s3`, so that its clients work unchanged: translates their requests and
 * our answers. `uploadId` is ours. Completing an upload in parts confirms it, too. The app must confirm an upload in a
 * single request: Uppy does not report its arrival here. Scope `files:write`.
 */
export function companionRoutes(services: UploadServices): Hono<Env> {
  const { config, endpoint } = services;
  const routes = new Hono<Env>().basePath('/s3');

  routes.get('/params', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.presign');
    const upload = await presignUpload(services, caller, {
      ...validate(companionUpload, toUpload(readQuery(c, companionQuery))),
      method: config.store.forms ? 'POST' : 'PUT',
      formFields: { success_action_status: '201' },
    });
    if (!('presignedUrl' in upload)) throw new Error('one request was asked for');
    const { method, presignedUrl: url, objectKey: key } = upload;
    // Uppy reads the key from the fields, even if the upload is not a form.
    const how = upload.method === 'POST' ? { fields: upload.fields } : { fields: { key }, headers: upload.headers };
    return answerJson(c, { method, url, ...how, expires: secondsLeft(upload) });
  });

  routes.post('/multipart', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.presign');
    const upload = await presignUpload(services, caller, {
      ...validate(companionUpload, toUpload(await readJson(c, companionBody))),
      method: 'MULTIPART',
    });
    if (upload.method !== 'MULTIPART') throw new Error('parts were asked for');
    return answerJson(c, { key: upload.objectKey, uploadId: upload.uploadId, bucket: endpoint.bucket });
  });

  routes.get('/multipart/:uploadId', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.list-parts');
    const { key } = readQuery(c, keyQuery);
    const { parts } = await listUploadedParts(services, caller, { objectKey: key, uploadId: c.req.param('uploadId') });
    return answerJson(
      c,
      parts.map(({ partNumber, size, etag }) => ({ PartNumber: partNumber, Size: size, ETag: etag })),
    );
  });

  // One route for `batch` and for a part's number: with a fixed name beside a parameter, Hono falls back to a slower
  // router for all routes.
  routes.get('/multipart/:uploadId/:part', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.presign-parts');
    const { uploadId, part } = c.req.param();
    if (part === 'batch') {
      const { key, partNumbers } = readQuery(c, batchQuery);
      const { parts } = await presignParts(services, caller, { objectKey: key, uploadId, partNumbers });
      const byNumber = <Value>(read: (part: (typeof parts)[number]) => Value) =>
        Object.fromEntries(parts.map((part) => [part.partNumber, read(part)]));
      const headers = byNumber((part) => part.headers ?? {});
      const hasHeaders = parts.some((part) => part.headers !== undefined);
      return answerJson(c, { presignedUrls: byNumber((part) => part.presignedUrl), ...(hasHeaders && { headers }) });
    }
    const { key } = readQuery(c, keyQuery);
    const { partNumber } = validate(partPath, { partNumber: part });
    const signed = await presignParts(services, caller, { objectKey: key, uploadId, partNumbers: [partNumber] });
    const { presignedUrl: url, headers } = signed.parts[0] ?? {};
    return answerJson(c, { url, ...(headers && { headers }), expires: secondsLeft(signed) });
  });

  routes.post('/multipart/:uploadId/complete', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.confirm');
    const { key } = readQuery(c, keyQuery);
    const { parts } = await readJson(c, completeBody, MAX_BATCH_BODY_BYTES);
    const { file } = await confirmUpload(services, caller, {
      ...{ objectKey: key, uploadId: c.req.param('uploadId') },
      parts: parts.map(({ PartNumber, ETag }) => ({ partNumber: PartNumber, etag: ETag })),
    });
    const objectUrl = `${endpoint.protocol}//${endpoint.host}${endpoint.basePath}/${encodePath(key)}`;
    return answerJson(c, { location: file.publicFileUrl ?? objectUrl, key, bucket: endpoint.bucket, file });
  });

  routes.delete('/multipart/:uploadId', async (c) => {
    const caller = callerWith(c, 'files:write', 'upload.abort');
    const { key } = readQuery(c, keyQuery);
    await abortUpload(services, caller, { objectKey: key, uploadId: c.req.param('uploadId') });
    return answerJson(c, {});
  });

  return routes;
}

function secondsLeft({ expiresAt, serverTime }: { expiresAt: string; serverTime: string }): number {
  return Math.ceil((Date.parse(expiresAt) - Date.parse(serverTime)) / 1000);
}
