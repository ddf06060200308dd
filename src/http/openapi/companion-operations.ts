import * as z from 'zod';
import { presignedUrlField } from '../../contract/answer-fields.ts';
import { fileAnswer } from '../../files/file-answer.ts';
import { signUppyRequestInput, uppyAnswer } from '../../uploads/sign-uppy-request.ts';
import { companionBody } from '../companion-upload.ts';
import { batchQuery, completeBody, keyQuery } from '../routes/companion.ts';
import type { Operations } from './operation.ts';

const tag = 'Uppy';
const scopes = ['files:write'] as const;
const texts = z.record(z.string(), z.string());
const expires = z.int().describe('Seconds.');
const OF_PRESIGNING = ['file-too-large', 'content-type-not-allowed', 'quota-exceeded', 'storage-unavailable'] as const;
const OF_PARTS = ['not-your-object', 'upload-not-found'] as const;

/** Routes that Uppy calls. Each takes a short-lived token in the path as well, as `/t/{token}/s3/params`. */
export const companionOperations = {
  'POST /sign-request': {
    ...{ id: 'signUppyRequest', tag, scopes },
    summary: "Uppy 6: signs one request to the bucket (Uppy's `PresignableRequest`)",
    body: signUppyRequestInput,
    answers: { 200: { description: "Uppy's `PresignedResponse`", schema: uppyAnswer } },
    problems: [...OF_PRESIGNING, ...OF_PARTS],
  },
  'GET /s3/params': {
    ...{ id: 'companionParams', tag, scopes },
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
  'GET /s3/sts': {
    ...{ id: 'companionCredentials', tag, scopes: ['files:credentials'] },
    summary: "Companion: credentials of the bucket for the caller's prefix",
    query: z.object({}),
    answers: {
      200: {
        description: 'The credentials',
        schema: z.strictObject({
          credentials: z.strictObject({
            ...{ AccessKeyId: z.string(), SecretAccessKey: z.string(), SessionToken: z.string() },
            Expiration: z.iso.datetime(),
          }),
          ...{ bucket: z.string(), region: z.string() },
          prefix: z.string().describe('Every key that they reach begins with it.'),
        }),
      },
    },
    problems: ['route-not-found', 'storage-unavailable', 'database-unavailable'],
  },
  'POST /s3/multipart': {
    ...{ id: 'companionBegin', tag, scopes },
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
    ...{ id: 'companionListParts', tag, scopes },
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
    ...{ id: 'companionSignParts', tag, scopes },
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
    ...{ id: 'companionSignPart', tag, scopes },
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
    ...{ id: 'companionComplete', tag, scopes },
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
    ...{ id: 'companionAbort', tag, scopes },
    summary: 'Companion: aborts an upload in parts',
    query: keyQuery,
    answers: { 200: { description: 'The upload is removed', schema: z.strictObject({}) } },
    problems: ['not-your-object', 'conflict', 'storage-unavailable', 'database-unavailable'],
  },
} satisfies Operations;
