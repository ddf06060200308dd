import { Hono } from 'hono';
import * as z from 'zod';
import { presignedUrlField } from '../../contract/answer-fields.ts';
import { digits, objectKey, partNumber } from '../../contract/fields.ts';
import { MAX_PARTS } from '../../contract/s3-limits.ts';
import { fileAnswer } from '../../files/file-answer.ts';
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
import type { Operations } from '../openapi/operation.ts';
import { MAX_BATCH_BODY_BYTES, readJson, readQuery, validate } from '../validate.ts';
import { OF_PRESIGNING, type UploadServices } from './uploads.ts';

const keyQuery = z.strictObject({ key: objectKey });
const partText = digits(partNumber);
const partPath = z.strictObject({ partNumber: partText });
const partList = z.array(partNumber).min(1).max(MAX_SIGNED_PARTS).describe('Separated by commas.');
const batchQuery = keyQuery.extend({
  partNumbers: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(partText).min(1).max(MAX_SIGNED_PARTS))
    .meta({ ...z.toJSONSchema(partList) }),
});
/** Older versions of Uppy send further fields of a part. */
const completeBody = z.strictObject({
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
      objectKey: key,
      uploadId: c.req.param('uploadId'),
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

const tag = 'Uppy';
const scopes = ['files:write'] as const;
const texts = z.record(z.string(), z.string());
const expires = z.int().describe('Seconds.');
const OF_PARTS = ['not-your-object', 'upload-not-found'] as const;

/**
 * What the description of the API says of these routes. Each takes a short-lived token in the path as well, as
 * `/t/{token}/s3/params`.
 */
export const companionOperations = {
  'GET /s3/params': {
    id: 'companionParams',
    tag,
    scopes,
    summary: 'Companion: signs an upload in one request',
    query: z.object({}),
    parameters: {
      filename: "The file's name",
      type: 'Its media type',
      'metadata[name]': 'A value of its metadata, for any name',
    },
    answers: {
      200: {
        description: 'A form, or a PUT',
        schema: z.strictObject({
          method: z.enum(['PUT', 'POST']),
          url: presignedUrlField,
          fields: texts,
          headers: texts.optional(),
          expires,
        }),
      },
    },
    problems: OF_PRESIGNING,
  },
  'POST /s3/multipart': {
    id: 'companionBegin',
    tag,
    scopes,
    summary: 'Companion: begins an upload in parts',
    body: companionBody,
    answers: {
      200: {
        description: 'The upload',
        schema: z.strictObject({ key: z.string(), uploadId: z.string(), bucket: z.string() }),
      },
    },
    problems: OF_PRESIGNING,
  },
  'GET /s3/multipart/:uploadId': {
    id: 'companionListParts',
    tag,
    scopes,
    summary: 'Companion: the parts that the bucket has',
    query: keyQuery,
    answers: {
      200: {
        description: 'The parts, ordered by number',
        schema: z.array(z.strictObject({ PartNumber: z.int(), Size: z.int(), ETag: z.string() })),
      },
    },
    problems: [...OF_PARTS, 'storage-unavailable', 'database-unavailable'],
  },
  'GET /s3/multipart/:uploadId/batch': {
    id: 'companionSignParts',
    tag,
    scopes,
    summary: 'Companion: signs several parts',
    query: batchQuery,
    answers: {
      200: {
        description: 'A URL for each part, by its number',
        schema: z.strictObject({
          presignedUrls: texts,
          headers: z.record(z.string(), texts).optional().describe('To send with each part, by its number.'),
        }),
      },
    },
    problems: [...OF_PARTS, 'file-too-large', 'storage-unavailable'],
  },
  'GET /s3/multipart/:uploadId/:partNumber': {
    id: 'companionSignPart',
    tag,
    scopes,
    summary: 'Companion: signs a part',
    query: keyQuery,
    answers: {
      200: {
        description: 'Its URL',
        schema: z.strictObject({ url: presignedUrlField, headers: texts.optional(), expires }),
      },
    },
    problems: [...OF_PARTS, 'file-too-large', 'storage-unavailable'],
  },
  'POST /s3/multipart/:uploadId/complete': {
    id: 'companionComplete',
    tag,
    scopes,
    summary: 'Companion: completes an upload in parts, and confirms it',
    query: keyQuery,
    body: completeBody,
    answers: {
      200: {
        description: 'The file',
        schema: z.strictObject({ location: z.url(), key: z.string(), bucket: z.string(), file: fileAnswer }),
      },
    },
    problems: [
      ...OF_PARTS,
      ...(['quota-exceeded', 'object-not-found', 'conflict', 'verification-failed', 'database-unavailable'] as const),
    ],
  },
  'DELETE /s3/multipart/:uploadId': {
    id: 'companionAbort',
    tag,
    scopes,
    summary: 'Companion: aborts an upload in parts',
    query: keyQuery,
    answers: { 200: { description: 'The upload is removed', schema: z.strictObject({}) } },
    problems: ['not-your-object', 'conflict', 'storage-unavailable', 'database-unavailable'],
  },
} satisfies Operations;
